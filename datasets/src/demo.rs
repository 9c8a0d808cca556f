//! The demo's stores: tenant `demo`, store 17 in Chicago time and store 42 in New York time.
//!
//! A demo of several draws has a twin of store 17 for each further one (18, 19, ...): the same window and film, other
//! people and another seed. Store 17 has the outdoor service window "Kiosk 1" that the demo's camera looks at. One of its registers runs 37 s
//! ahead, one writes whole minutes only; the others write seconds, with an offset, without one, or in UTC.

use chrono_tz::{America, Tz};
use tillsight_schemas::id::StoreId;
use tillsight_schemas::money::Currency;
use tillsight_schemas::store::Store;

use crate::plan::{Hours, Operator, Register, Role, StorePlan, TillClock, TimeStyle};
use crate::rates::Rates;
use crate::{Error, Result};

/// The retailer of the demo.
pub const TENANT: &str = "demo";

/// Store 17, open from 6 to 23: the one with the kiosk.
///
/// # Errors
/// None in practice: its names are fixed.
pub fn kiosk() -> Result<StorePlan> {
    twin(0)
}

/// Store 17, or one like it: 18, 19 and so on.
fn twin(number: u32) -> Result<StorePlan> {
    let exact = |style| TillClock { ahead_seconds: 0, style };
    let id = (17 + number).to_string();
    let mut plan = store(&id, &format!("Store {id}, Lakeshore"), America::Chicago, Hours::new(6, 23))?;
    plan.registers = vec![
        register("1", "Kiosk 1 (service window)", exact(TimeStyle::OffsetSeconds), Hours::new(6, 23), true)?,
        register(
            "2",
            "Lane 2",
            TillClock { ahead_seconds: 37, style: TimeStyle::LocalSeconds },
            Hours::new(7, 22),
            true,
        )?,
        register("3", "Lane 3", exact(TimeStyle::LocalMinutes), Hours::new(10, 21), false)?,
        register("4", "Lane 4", exact(TimeStyle::LocalSeconds), Hours::new(14, 20), false)?,
    ];
    Ok(plan)
}

/// Store 42, open round the clock, so that its days have 23 and 25 hours when the clocks change. The register that is
/// open then writes an offset: the hour that occurs twice can be told apart.
///
/// # Errors
/// None in practice: its names are fixed.
pub fn corner() -> Result<StorePlan> {
    let exact = |style| TillClock { ahead_seconds: 0, style };
    let mut plan = store("42", "Store 42, Riverside", America::New_York, Hours::ALWAYS)?;
    plan.registers = vec![
        register("1", "Lane 1", exact(TimeStyle::OffsetSeconds), Hours::ALWAYS, false)?,
        register("2", "Lane 2", exact(TimeStyle::UtcSeconds), Hours::new(8, 24), false)?,
        register("3", "Lane 3", exact(TimeStyle::LocalSeconds), Hours::new(11, 21), false)?,
    ];
    Ok(plan)
}

/// Both stores.
///
/// # Errors
/// None in practice: their names are fixed.
pub fn stores() -> Result<Vec<StorePlan>> {
    stores_of(1)
}

/// The most draws that one demo can have.
pub const MOST_DRAWS: u32 = 8;

/// The stores of so many draws: those whose window the film shows come first, an order of draws, then store 42.
///
/// # Errors
/// None in practice: their names are fixed.
pub fn stores_of(draws: u32) -> Result<Vec<StorePlan>> {
    let twins = (0..draws.clamp(1, MOST_DRAWS)).map(twin);
    twins.chain([corner()]).collect()
}

fn store(id: &str, name: &str, tz: Tz, hours: Hours) -> Result<StorePlan> {
    let id_of_store: StoreId = id.parse()?;
    let no_currency = |_| Error::Plan { store: id_of_store.clone(), problem: "its currency is not an ISO 4217 code" };
    let store = Store {
        tenant: TENANT.parse()?,
        id: id_of_store.clone(),
        name: name.to_owned(),
        tz,
        currency: Currency::new("USD").map_err(no_currency)?,
        day_ends: None,
        closes: None,
    };
    let people = (1..=12)
        .map(|n| (format!("{id}{n:02}"), Role::Cashier))
        .chain((91..=96).map(|n| (format!("{id}{n}"), Role::Supervisor)))
        .chain([(format!("{id}99"), Role::Manager)]);
    let operators = people.map(|(id, role)| Ok(Operator { id: id.parse()?, role })).collect::<Result<_>>()?;
    Ok(StorePlan { store, hours, registers: Vec::new(), operators, rates: Rates::default() })
}

fn register(id: &str, name: &str, clock: TillClock, staffed: Hours, watched: bool) -> Result<Register> {
    Ok(Register { id: id.parse()?, name: name.to_owned(), clock, staffed, watched })
}
