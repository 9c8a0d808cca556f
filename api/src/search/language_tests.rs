//! The query language, example by example; and that no text makes it panic.

use chrono::DateTime;
use proptest::prelude::*;
use tillsight_schemas::money::Currency;

use super::*;

fn store(id: &str, tz: Tz) -> Store {
    Store {
        tenant: "demo".parse().unwrap(),
        id: id.parse().unwrap(),
        name: id.to_owned(),
        tz,
        currency: Currency::new("USD").unwrap(),
        day_ends: None,
        closes: None,
    }
}

fn two() -> Vec<Store> {
    vec![store("17", chrono_tz::America::Chicago), store("42", chrono_tz::America::New_York)]
}

fn read_by(text: &str, stores: &[Store]) -> Understood {
    understand(text, Context { now: "2026-11-22T12:00:00Z".parse().unwrap(), stores })
}

fn read(text: &str) -> Understood {
    read_by(text, &two())
}

fn is(name: Name, values: &[&str]) -> Condition {
    Condition::Is(name, values.iter().map(|&value| value.to_owned()).collect())
}

fn micros(text: &str) -> i64 {
    text.parse::<DateTime<Utc>>().unwrap().timestamp_micros()
}

#[test]
fn what_is_understood() {
    let money = |least, most| Condition::Amount(Amounts { least, most });
    for (text, expected) in [
        ("milk", Condition::Words("milk".into())),
        ("\"whole milk\"", Condition::Words("whole milk".into())),
        ("mil*", Condition::Beginning("mil".into())),
        ("17-1-0412", Condition::Words("17-1-0412".into())),
        ("14:03", Condition::Words("14:03".into())),
        ("type:refund", is(Name::Transaction, &["return"])),
        ("type:void,no_sale,cancel", is(Name::Transaction, &["post_void", "no_sale", "cancel"])),
        ("amount:>50", money(50_001, i64::MAX)),
        ("amount:10..20", money(10_000, 20_000)),
        ("op:1042", is(Name::Operator, &["1042"])),
        ("OPERATOR:1042", is(Name::Operator, &["1042"])),
        ("store:17", is(Name::Store, &["17"])),
        ("register:1", is(Name::Register, &["1"])),
        ("rule:refund", is(Name::Rule, &["refund"])),
        ("receipt:17-1-0412", is(Name::Receipt, &["17-1-0412"])),
        ("gtin:00012345678905", is(Name::Code, &["00012345678905"])),
        ("no:customer", is(Name::Customer, &["no"])),
        ("customer:unknown", is(Name::Customer, &["unknown"])),
        ("has:alert", Condition::HasAlert),
        ("last:7d", Condition::Within(micros("2026-11-15T12:00:00Z"), i64::MAX)),
        ("last:24h", Condition::Within(micros("2026-11-21T12:00:00Z"), i64::MAX)),
        ("is:open", is(Name::Status, &["open"])),
        ("is:alert", is(Name::Kind, &["alert"])),
        ("is:retracted", is(Name::State, &["retracted"])),
        ("decided:confirmed", is(Name::Disposition, &["confirmed"])),
        ("decided:no-issue", is(Name::Disposition, &["no_issue"])),
        ("severity:high,critical", is(Name::Severity, &["high", "critical"])),
    ] {
        let understood = read(text);
        assert_eq!(understood.conditions, [(false, expected.clone())], "{text}");
        assert!(understood.problems.is_empty(), "{text}: {:?}", understood.problems);
        assert_eq!(read(&format!("-{text}")).conditions, [(true, expected)], "-{text}");
    }
    assert_eq!(read("type:refund amount:>50 no:customer op:1042 store:17 last:7d headphones").conditions.len(), 7);
    assert_eq!(read("  "), Understood::default());
}

#[test]
fn what_is_not_understood_is_said() {
    for (text, sentence) in [
        ("tpye:refund", "There is no field `tpye:` and it was left out; did you mean `type:`?"),
        ("oprator:7", "There is no field `oprator:` and it was left out; did you mean `operator:`?"),
        ("type:refnud", "`type:` does not know `refnud`; did you mean `refund`?"),
        ("type:weather", "`type:` does not know `weather`."),
        ("type:", "`type:` has nothing after the colon and was left out."),
        (
            "amount:lots",
            "`amount:lots` is not an amount and was left out; write `amount:>50`, `amount:12.50` or `amount:10..20`.",
        ),
        ("last:soon", "`last:soon` is not a span and was left out; write `last:24h` or `last:7d`."),
        (
            "on:yesterday",
            "`on:yesterday` is not a day and was left out; write `on:2026-11-22` or `on:2026-11-22T16:20`.",
        ),
        ("store:99", "There is no store `99` among those you see."),
        ("is:opne", "`is:` does not know `opne`: did you mean `open`?"),
        ("no:money", "There is `no:customer`, but nothing about `money`; it was left out."),
        ("\"never closed", "The quotation mark before `never closed` is not closed."),
        ("&&", "`&&` holds no letter or digit and was left out."),
    ] {
        assert_eq!(read(text).problems, [sentence], "{text}");
    }
    assert!(read("zzz:1").problems[0].contains("there are type, amount"));
    assert!(read(&"a ".repeat(300)).problems[0].contains("first 500 characters"));
}

#[test]
fn days_are_those_of_the_store() {
    let within = |start: &str, end: &str| Condition::Within(micros(start), micros(end));
    let chicago = within("2026-11-22T06:00:00Z", "2026-11-23T06:00:00Z");
    let utc = within("2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z");

    let one = read_by("on:2026-11-22", &two()[..1]);
    assert_eq!((one.conditions, one.problems), (vec![(false, chicago.clone())], vec![]));
    let named = read("on:2026-11-22 store:17");
    assert_eq!((&named.conditions[0].1, &named.problems[..]), (&chicago, &[][..]));
    let several = read("store:17,42 on:2026-11-22");
    assert_eq!(several.conditions[1].1, chicago);
    assert_eq!(several.notes, ["Days are those of store 17 (America/Chicago)."]);
    let none = read("on:2026-11-22");
    assert_eq!(none.conditions[0].1, utc);
    assert!(none.notes[0].starts_with("Days are UTC days"), "{:?}", none.notes);
    // The day on which summer time ends has 25 hours, and `to` includes its day.
    let longer = read_by("on:2026-11-01", &two()[..1]).conditions[0].1.clone();
    assert_eq!(longer, within("2026-11-01T05:00:00Z", "2026-11-02T06:00:00Z"));
    let to = read_by("to:2026-11-22", &two()[..1]).conditions[0].1.clone();
    assert_eq!(to, Condition::Within(i64::MIN, micros("2026-11-23T06:00:00Z")));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        text in "\\PC*",
        name in "(type|amount|last|on|from|is|store|rule|no|x)",
        value in "\\PC{0,20}",
    ) {
        read(&text);
        read(&format!("{name}:{value} -{name}:\"{value}"));
        read_by(&format!("{name}:{value}"), &[]);
    }

    #[test]
    fn no_amount_or_day_makes_it_panic(number in "[0-9.><=-]{0,30}", day in "[0-9+-]{0,12}") {
        read(&format!("amount:{number} last:{number}d on:{day} from:{day}-01-01"));
    }
}
