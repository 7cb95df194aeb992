//! Deciders, projections and reactions in Rust.
//!
//! A definition is boxed and its address is the user pointer; the library releases it once, through free_user.  A state is
//! boxed too, and managed: the library makes, copies and drops it through the functions below, which are compiled anew for
//! each type of decider, so that nothing is cast that is not what it was.

use crate::error::{c_text, call, constant, guard, text, Result};
use crate::ffi::{self, Handle};
use crate::record::{optional, pointer, Command, Event, Record};
use crate::store::{taken, Batch, Owned, Store};
use crate::FOREVER;
use std::ptr::{null, null_mut};

/// What decides commands.  Runs in several threads at once when several execute.
pub trait Decider: Send + Sync + 'static {
    type State: Default + Clone + Send + Sync;

    /// Take one event into the state.
    fn evolve(&self, state: &mut Self::State, event: &Record) -> Result<()>;

    /// Say what happens, or refuse.  May run again after a conflict.
    fn decide(&self, command: &Command, state: &Self::State, turn: &mut Turn) -> Result<()>;
}

unsafe extern "C" fn free<T>(user: Handle) {
    // A panic of a destructor ends the program: there is nobody to tell.
    drop(Box::from_raw(user as *mut T));
}

unsafe extern "C" fn make<D: Decider>(_user: Handle, out: *mut Handle, error: Handle) -> i32 {
    guard(error, || {
        *out = Box::into_raw(Box::<D::State>::default()).cast();
        Ok(())
    })
}

unsafe extern "C" fn drop_state<D: Decider>(_user: Handle, state: Handle) {
    drop(Box::from_raw(state as *mut D::State));
}

unsafe extern "C" fn copy<D: Decider>(_user: Handle, state: Handle, out: *mut Handle, error: Handle) -> i32 {
    guard(error, || {
        *out = Box::into_raw(Box::new((*(state as *const D::State)).clone())).cast();
        Ok(())
    })
}

unsafe extern "C" fn evolve<D: Decider>(
    user: Handle, state: Handle, event: *const ffi::Record, error: Handle,
) -> i32 {
    guard(error, || (*(user as *const D)).evolve(&mut *(state as *mut D::State), &Record::copy(event)))
}

unsafe extern "C" fn decide<D: Decider>(
    user: Handle, command: *const ffi::Command, state: Handle, turn: Handle, error: Handle,
) -> i32 {
    guard(error, || {
        (*(user as *const D)).decide(&Command::copy(command), &*(state as *const D::State), &mut Turn(turn))
    })
}

unsafe extern "C" fn each<F: FnMut(&Record, &mut Edit) -> Result<()>>(
    user: Handle, event: *const ffi::Record, edit: Handle, error: Handle,
) -> i32 {
    guard(error, || (*(user as *mut F))(&Record::copy(event), &mut Edit(edit)))
}

unsafe extern "C" fn react<F: FnMut(&Record, &mut Turn) -> Result<()>>(
    user: Handle, event: *const ffi::Record, turn: Handle, error: Handle,
) -> i32 {
    guard(error, || (*(user as *mut F))(&Record::copy(event), &mut Turn(turn)))
}

/// What a handler does about its input; the reference that it is given cannot outlive the handler.
pub struct Turn(Handle);

impl Turn {
    pub fn emit(&mut self, event: &Event) -> Result<()> {
        event.with(|made| call(|error| unsafe { ffi::skafu_turn_emit(self.0, made, error) }))?;
        Ok(())
    }

    /// A decider says no: a code for programs and a sentence for people.
    pub fn refuse(&mut self, code: &str, message: &str) -> Result<()> {
        let (code, message) = (c_text(code)?, c_text(message)?);
        call(|error| unsafe { ffi::skafu_turn_refuse(self.0, code.as_ptr(), message.as_ptr(), error) })?;
        Ok(())
    }
}

/// The rows of a projection, in its handler.
pub struct Edit(Handle);

impl Edit {
    /// The row as the handler has made it so far.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let (mut start, mut length) = (null_mut(), 0);
        let found = call(|error| unsafe {
            ffi::skafu_edit_get(self.0, null(), key.as_ptr(), key.len(), &mut start, &mut length, error)
        })?;
        // Lent until the next use, so it is copied; an empty row has no bytes to point to.
        Ok((found == 1).then(|| match length {
            0 => Vec::new(),
            _ => unsafe { std::slice::from_raw_parts(start as *const u8, length) }.to_vec(),
        }))
    }

    pub fn delete(&mut self, key: &[u8]) -> Result<()> {
        call(|error| unsafe { ffi::skafu_edit_delete(self.0, null(), key.as_ptr(), key.len(), error) })?;
        Ok(())
    }

    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        call(|error| unsafe {
            ffi::skafu_edit_put(self.0, null(), key.as_ptr(), key.len(), value.as_ptr(), value.len(), error)
        })?;
        Ok(())
    }

    /// Add to a number that is kept as a row.
    pub fn count(&mut self, key: &[u8], delta: i64) -> Result<()> {
        call(|error| unsafe { ffi::skafu_edit_count(self.0, null(), key.as_ptr(), key.len(), delta, error) })?;
        Ok(())
    }
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub accepted: bool,
    pub repeated: bool,
    pub code: String,
    pub message: String,
    pub last_sequence: u64,
    pub stream_version: u64,
}

/// The definitions of this process over a store.  Define through &mut, use through &.
pub struct Model(Owned);

unsafe impl Sync for Model {}

impl Model {
    pub fn open(store: &Store) -> Result<Self> {
        Owned::new(ffi::skafu_model_close, |out, error| unsafe {
            ffi::skafu_model_open(store.0.handle, null_mut(), out, error)
        })
        .map(Self)
    }

    /// A domain and the types of its events.
    pub fn domain(&mut self, name: &str, events: &[&str]) -> Result<()> {
        let name = c_text(name)?;
        call(|error| unsafe { ffi::skafu_model_add_domain(self.0.handle, name.as_ptr(), error) })?;
        for event in events {
            let event = c_text(event)?;
            let mut def = ffi::EventDef::new();
            (def.domain, def.type_) = (name.as_ptr(), event.as_ptr());
            call(|error| unsafe { ffi::skafu_model_add_event(self.0.handle, &def, error) })?;
        }
        Ok(())
    }

    pub fn decider<D: Decider>(&mut self, domain: &str, name: &str, commands: &[&str], decider: D) -> Result<()> {
        let (domain, name) = (c_text(domain)?, c_text(name)?);
        let commands = commands.iter().map(|command| c_text(command)).collect::<Result<Vec<_>>>()?;
        let pointers: Vec<_> = commands.iter().map(|command| command.as_ptr()).collect();
        let mut state = ffi::StateDef::new();
        state.version = 1;
        state.make = Some(make::<D>);
        state.drop = Some(drop_state::<D>);
        state.copy = Some(copy::<D>);
        let mut def = ffi::DeciderDef::new();
        (def.domain, def.name) = (domain.as_ptr(), name.as_ptr());
        (def.commands, def.command_count) = (pointers.as_ptr(), pointers.len());
        def.state = &state;
        def.evolve = Some(evolve::<D>);
        def.decide = Some(decide::<D>);
        // From the call on the box is the library's, also when it refuses.
        def.user = Box::into_raw(Box::new(decider)).cast();
        def.free_user = Some(free::<D>);
        call(|error| unsafe { ffi::skafu_model_add_decider(self.0.handle, &def, error) })?;
        Ok(())
    }

    /// A projection that sees each event of the store; one thread at a time.
    pub fn projection<F>(&mut self, domain: &str, name: &str, handler: F) -> Result<()>
    where
        F: FnMut(&Record, &mut Edit) -> Result<()> + Send + 'static,
    {
        let (domain, name) = (c_text(domain)?, c_text(name)?);
        let mut def = ffi::ProjectionDef::new();
        def.version = 1;
        def.domain = domain.as_ptr();
        def.name = name.as_ptr();
        def.each = Some(each::<F>);
        def.user = Box::into_raw(Box::new(handler)).cast();
        def.free_user = Some(free::<F>);
        call(|error| unsafe { ffi::skafu_model_add_projection(self.0.handle, &def, error) })?;
        Ok(())
    }

    /// A reaction to each event of the store, run by an engine.
    pub fn reaction<F>(&mut self, domain: &str, name: &str, handler: F) -> Result<()>
    where
        F: FnMut(&Record, &mut Turn) -> Result<()> + Send + 'static,
    {
        let (domain, name) = (c_text(domain)?, c_text(name)?);
        let mut def = ffi::ReactionDef::new();
        def.domain = domain.as_ptr();
        def.name = name.as_ptr();
        def.react = Some(react::<F>);
        def.user = Box::into_raw(Box::new(handler)).cast();
        def.free_user = Some(free::<F>);
        call(|error| unsafe { ffi::skafu_model_add_reaction(self.0.handle, &def, error) })?;
        Ok(())
    }

    /// Decide a command and append what it emits.  A refusal is an answer, not an error.
    pub fn execute(&self, command: &Command) -> Result<Outcome> {
        let (kind, stream, key) = (c_text(&command.command_type)?, optional(&command.stream)?, optional(&command.key)?);
        let mut made = ffi::Command::new();
        (made.type_, made.stream, made.key) = (kind.as_ptr(), pointer(&stream), pointer(&key));
        (made.data, made.data_length) = (command.data.as_ptr(), command.data.len());
        let mut out = null_mut();
        call(|error| unsafe {
            ffi::skafu_model_execute(self.0.handle, &made, FOREVER, null_mut(), &mut out, error)
        })?;
        let lent = unsafe { &*out };
        let outcome = Outcome {
            accepted: i64::from(lent.decision) == constant("SKAFU_DECISION_ACCEPTED"),
            repeated: i64::from(lent.flags) & constant("SKAFU_OUTCOME_REPEATED") != 0,
            code: unsafe { text(lent.code) },
            message: unsafe { text(lent.message) },
            last_sequence: lent.last_sequence,
            stream_version: lent.stream_version,
        };
        unsafe { ffi::skafu_outcome_free(out) };
        Ok(outcome)
    }

    pub fn view(&self, projection: &str) -> Result<View> {
        let projection = c_text(projection)?;
        Owned::new(ffi::skafu_view_close, |out, error| unsafe {
            ffi::skafu_view_open(self.0.handle, projection.as_ptr(), 0, FOREVER, out, error)
        })
        .map(View)
    }
}

/// What a projection made.
pub struct View(Owned);

impl View {
    /// Make what is read from now on as new as the log; returns how far that is.
    pub fn refresh(&mut self) -> Result<u64> {
        let (head, mut reached) = (constant("SKAFU_FRESH_HEAD") as u32, 0);
        call(|error| unsafe { ffi::skafu_view_refresh(self.0.handle, head, 0, FOREVER, &mut reached, error) })?;
        Ok(reached)
    }

    pub fn get(&self, key: &[u8]) -> Result<Vec<u8>> {
        taken(|out, length, error| unsafe {
            ffi::skafu_view_get(self.0.handle, null(), key.as_ptr(), key.len(), out, length, error)
        })
    }

    /// The number in a row that Edit::count() keeps.
    pub fn count(&self, key: &[u8]) -> Result<i64> {
        let (value, mut count) = (self.get(key)?, 0);
        call(|error| unsafe { ffi::skafu_count_value(value.as_ptr(), value.len(), &mut count, error) })?;
        Ok(count)
    }
}

/// Follow the log under a durable name; one thread at a time.
pub struct Subscription(Owned);

impl Subscription {
    pub fn open(model: &Model, name: &str) -> Result<Self> {
        let name = c_text(name)?;
        Owned::new(ffi::skafu_subscription_close, |out, error| unsafe {
            ffi::skafu_subscription_open(model.0.handle, name.as_ptr(), null_mut(), out, error)
        })
        .map(Self)
    }

    /// Up to so many records; none when the time is over.
    pub fn next(&mut self, max: u32, timeout_ns: u64) -> Result<Vec<Record>> {
        let mut records = null();
        let count = call(|error| unsafe {
            ffi::skafu_subscription_next(self.0.handle, max, timeout_ns, &mut records, error)
        })?;
        Ok((0..count as usize).map(|i| unsafe { Record::copy(*records.add(i)) }).collect())
    }

    /// It could not be handled: it comes again, later, until it is set aside.
    pub fn fail(&mut self, sequence: u64, message: &str) -> Result<()> {
        let (message, code) = (c_text(message)?, constant("SKAFU_EHOST") as i32);
        call(|error| unsafe {
            ffi::skafu_subscription_fail(self.0.handle, sequence, code, message.as_ptr(), error)
        })?;
        Ok(())
    }

    /// As ack(), in a batch: output and checkpoint become one commit.
    pub fn ack_in(&mut self, sequence: u64, batch: &mut Batch) -> Result<()> {
        call(|error| unsafe { ffi::skafu_subscription_ack_in(self.0.handle, sequence, batch.0.handle, error) })?;
        Ok(())
    }

    /// All that was handed out up to this sequence is done.
    pub fn ack(&mut self, sequence: u64) -> Result<()> {
        call(|error| unsafe { ffi::skafu_subscription_ack(self.0.handle, sequence, error) })?;
        Ok(())
    }
}

/// Does the work of a model's consumers inside step() and drain().
pub struct Engine(Owned);

impl Engine {
    pub fn open(model: &Model) -> Result<Self> {
        Owned::new(ffi::skafu_engine_close, |out, error| unsafe {
            ffi::skafu_engine_open(model.0.handle, null_mut(), out, error)
        })
        .map(Self)
    }

    /// True when there is more to do.
    pub fn step(&mut self, inputs: u32) -> Result<bool> {
        call(|error| unsafe { ffi::skafu_engine_step(self.0.handle, inputs, error) }).map(|more| more == 1)
    }

    /// Step until there is nothing to do, at most so long.
    pub fn drain(&mut self, timeout_ns: u64) -> Result<()> {
        call(|error| unsafe { ffi::skafu_engine_drain(self.0.handle, timeout_ns, error) })?;
        Ok(())
    }
}
