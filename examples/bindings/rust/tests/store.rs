//! The log from Rust.

use skafu::{constant, Event, Query, Record, Result, Store, NO_LIMIT};
use std::sync::Arc;

fn all(store: &Store) -> Vec<Record> {
    store.read(None, 0, NO_LIMIT).unwrap().collect::<Result<Vec<_>>>().unwrap()
}

#[test]
fn what_is_appended_is_read() -> Result<()> {
    let store = Store::memory()?;
    let event = Event::new("Paid").stream("anna").data("{\"amount\":9007199254740993}").tag("a:1").tag("b:2");
    let place = store.append(&event)?;
    assert_eq!((place.last_sequence, place.stream_version), (1, 1));
    let record = store.read_stream("anna", NO_LIMIT)?.next().unwrap()?;
    assert_eq!((record.event_type.as_str(), record.stream_version), ("Paid", 1));
    assert_eq!(record.tags, ["a:1", "b:2"]);
    assert_eq!(record.int("/amount")?, 9007199254740993);
    assert_eq!(all(&store), [record]);
    Ok(())
}

#[test]
fn conflicts_have_particulars() -> Result<()> {
    let store = Store::memory()?;
    store.append(&Event::new("Opened").stream("anna"))?;
    let mut batch = store.batch()?;
    batch.add(&Event::new("Paid").stream("anna"))?.expect_version("anna", 0)?;
    let refused = store.commit(&mut batch).unwrap_err();
    assert!(refused.is_conflict());
    assert_eq!((refused.name.as_str(), refused.version, refused.condition), ("SKAFU_ECONFLICT", 1, 1));

    let query = Query::new()?.item(&["Opened"], &[])?;
    let mut batch = store.batch()?;
    batch.add(&Event::new("Opened").stream("ben"))?.expect_no_match(&query, 0)?;
    assert_eq!(store.commit(&mut batch).unwrap_err().sequence, 1);
    assert_eq!(store.read(Some(&query), 0, NO_LIMIT)?.head(), 1);
    Ok(())
}

#[test]
fn what_is_wrong_is_refused() -> Result<()> {
    let store = Store::memory()?;
    let refused = store.append(&Event::new("A").stream("a").data("{")).unwrap_err();
    assert_eq!(i64::from(refused.code), constant("SKAFU_EJSON"));
    assert_eq!(store.append(&Event::new("A\0B").stream("a")).unwrap_err().name, "SKAFU_EINVAL");
    assert_eq!(store.row("t", b"k").unwrap_err().name, "SKAFU_ENOTFOUND");
    Ok(())
}

#[test]
fn rows_change_with_the_commit() -> Result<()> {
    let store = Store::memory()?;
    let mut batch = store.batch()?;
    batch.add(&Event::new("A").stream("a"))?.put_row("t", b"k", b"v\0")?.put_row("t", b"e", b"")?;
    store.commit(&mut batch)?;
    assert_eq!((store.row("t", b"k")?, store.row("t", b"e")?), (b"v\0".to_vec(), vec![]));
    Ok(())
}

#[test]
fn threads_append_and_wait() -> Result<()> {
    let store = Arc::new(Store::memory()?);
    let writers: Vec<_> = (0..4)
        .map(|n| {
            let store = store.clone();
            std::thread::spawn(move || {
                for _ in 0..25 {
                    store.append(&Event::new("A").stream(&format!("s{n}"))).unwrap();
                }
            })
        })
        .collect();
    let mut seen = 0;
    while seen < 100 {
        seen = store.wait(seen, 20_000_000_000)?;
    }
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert_eq!(store.wait(100, 0).unwrap_err().name, "SKAFU_ETIMEOUT");
    store.interrupt();
    assert_eq!(store.wait(100, 20_000_000_000).unwrap_err().name, "SKAFU_EINTERRUPTED");
    Ok(())
}

#[test]
fn any_order_of_release() -> Result<()> {
    let store = Store::memory()?;
    store.append(&Event::new("A").stream("a"))?;
    let cursor = store.read(None, 0, NO_LIMIT)?;
    drop(store);
    assert_eq!(cursor.count(), 1);
    Ok(())
}
