//! A decider, a projection and a reaction in Rust.

use skafu::{Command, Decider, Engine, Error, Event, Model, Record, Result, Store, Subscription, Turn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

/// The state is a type of Rust with memory of its own.
#[derive(Default, Clone)]
struct Account {
    balance: i64,
    history: Vec<String>,
}

struct Bank {
    alive: Arc<AtomicUsize>,
}

impl Bank {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Self { alive: alive.clone() }
    }
}

impl Drop for Bank {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Decider for Bank {
    type State = Account;

    fn evolve(&self, state: &mut Account, event: &Record) -> Result<()> {
        state.balance += event.int("/amount")?;
        state.history.push(event.event_type.clone());
        Ok(())
    }

    fn decide(&self, command: &Command, state: &Account, turn: &mut Turn) -> Result<()> {
        match command.command_type.as_str() {
            "Panic" => panic!("on purpose"),
            "Fail" => Err(Error::host("no luck")),
            _ if state.balance + command.int("/amount")? < 0 => {
                turn.refuse("overdrawn", "There is not enough money in the account.")
            }
            _ => turn.emit(&Event::new("Moved").data(command.data.clone())),
        }
    }
}

fn model(store: &Store, alive: &Arc<AtomicUsize>) -> Result<Model> {
    let mut model = Model::open(store)?;
    model.domain("bank", &["Moved", "Noticed"])?;
    model.decider("bank", "account", &["Move", "Panic", "Fail"], Bank::new(alive))?;
    model.projection("bank", "balances", |event, edit| {
        if event.event_type == "Moved" {
            edit.count(event.stream.as_bytes(), event.int("/amount")?)?;
        }
        Ok(())
    })?;
    model.reaction("bank", "notice", |event, turn| {
        if event.event_type == "Moved" {
            turn.emit(&Event::new("Noticed").stream("notices"))?;
        }
        Ok(())
    })?;
    Ok(model)
}

fn moved(model: &Model, amount: i64) -> Result<skafu::Outcome> {
    model.execute(&Command::new("Move", "anna", format!("{{\"amount\":{amount}}}")))
}

#[test]
fn decide_project_react() -> Result<()> {
    let alive = Arc::new(AtomicUsize::new(0));
    let store = Store::memory()?;
    let model = model(&store, &alive)?;
    assert!(moved(&model, 100)?.accepted);
    assert_eq!(moved(&model, -30)?.stream_version, 2);
    let refused = moved(&model, -5000)?;
    assert_eq!((refused.accepted, refused.code.as_str()), (false, "overdrawn"));

    let mut view = model.view("balances")?;
    assert_eq!(view.refresh()?, 2);
    assert_eq!(view.count(b"anna")?, 70);

    let mut engine = Engine::open(&model)?;
    engine.drain(20_000_000_000)?;
    assert!(!engine.step(10)?);
    assert_eq!(store.read_stream("notices", 9)?.count(), 2);

    drop((engine, view, store));
    assert_eq!(alive.load(Ordering::SeqCst), 1);
    drop(model);
    assert_eq!(alive.load(Ordering::SeqCst), 0, "the decider was not released");
    Ok(())
}

#[test]
fn errors_and_panics_are_carried_through() -> Result<()> {
    let store = Store::memory()?;
    let model = model(&store, &Arc::default())?;
    let failed = model.execute(&Command::new("Fail", "anna", "{}")).unwrap_err();
    assert_eq!((failed.name.as_str(), failed.message.contains("no luck")), ("SKAFU_EHOST", true));
    let failed = model.execute(&Command::new("Panic", "anna", "{}")).unwrap_err();
    assert_eq!((failed.name.as_str(), failed.message.contains("on purpose")), ("SKAFU_EHOST", true));
    let failed = model.execute(&Command::new("Move", "anna", "{}")).unwrap_err();
    assert_eq!(failed.name, "SKAFU_ENOTFOUND");
    assert_eq!(store.head()?, 0);
    Ok(())
}

#[test]
fn a_refused_definition_is_released() -> Result<()> {
    let alive = Arc::new(AtomicUsize::new(0));
    let store = Store::memory()?;
    let mut model = Model::open(&store)?;
    assert!(model.decider("nowhere", "d", &["C"], Bank::new(&alive)).is_err());
    assert_eq!(alive.load(Ordering::SeqCst), 0);
    Ok(())
}

#[test]
fn keys_are_decided_once() -> Result<()> {
    let store = Store::memory()?;
    let model = model(&store, &Arc::default())?;
    let command = Command::new("Move", "anna", "{\"amount\":1}").key("k");
    assert!(!model.execute(&command)?.repeated);
    assert!(model.execute(&command)?.repeated);
    Ok(())
}

#[test]
fn subscription_goes_on_where_it_was() -> Result<()> {
    let store = Store::memory()?;
    let model = model(&store, &Arc::default())?;
    for _ in 0..3 {
        moved(&model, 1)?;
    }
    {
        let mut mail = Subscription::open(&model, "mail")?;
        assert_eq!(mail.next(2, 0)?.len(), 2);
        mail.ack(2)?;
    }
    let mut mail = Subscription::open(&model, "mail")?;
    let rest: Vec<_> = mail.next(9, 0)?.iter().map(|record| record.sequence).collect();
    assert_eq!(rest, [3]);
    mail.fail(3, "no luck")?;
    assert_eq!(mail.next(9, 20_000_000_000)?[0].sequence, 3);
    let mut batch = store.batch()?;
    batch.put_row("mail", b"last", b"3")?;
    mail.ack_in(3, &mut batch)?;
    store.commit(&mut batch)?;
    assert_eq!((store.row("mail", b"last")?, mail.next(9, 0)?.len()), (b"3".to_vec(), 0));
    Ok(())
}

#[test]
fn a_projection_reads_and_deletes_what_it_wrote() -> Result<()> {
    let store = Store::memory()?;
    let mut model = model(&store, &Arc::default())?;
    model.projection("bank", "last", |event, edit| {
        let amount = event.int("/amount")?.to_string();
        match edit.get(event.stream.as_bytes())? {
            Some(before) if before == amount.as_bytes() => edit.delete(event.stream.as_bytes()),
            _ => edit.put(event.stream.as_bytes(), amount.as_bytes()),
        }
    })?;
    let mut view = model.view("last")?;
    moved(&model, 7)?;
    view.refresh()?;
    assert_eq!(view.get(b"anna")?, b"7");
    moved(&model, 7)?;
    view.refresh()?;
    assert_eq!(view.get(b"anna").unwrap_err().name, "SKAFU_ENOTFOUND");
    Ok(())
}

#[test]
fn threads_decide_at_once() -> Result<()> {
    let store = Store::memory()?;
    let model = Arc::new(model(&store, &Arc::default())?);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let model = model.clone();
            std::thread::spawn(move || {
                let mut done = 0;
                while done < 10 {
                    match moved(&model, 1) {
                        Ok(_) => done += 1,
                        Err(failure) => assert!(failure.is_conflict(), "{failure}"),
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(moved(&model, 0)?.stream_version, 41);
    Ok(())
}
