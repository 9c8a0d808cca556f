//! The drawer opened with nobody there: cash leaves the till without a sale.

use super::{Case, Place, Staged, nobody, visit};
use crate::Result;
use crate::store_day::ring::Ringer;
use crate::truth::Zone;

const BASE: Case = Case {
    scenario: "no_sale_no_customer",
    name: "no_sale_no_customer",
    fires: true,
    why: "The drawer is opened by a no-sale, and the camera shows the customer zone empty for 12 s on either side.",
    about_presence: true,
    also: &[],
    place: Place::Anywhere,
    quiet_seconds: 700,
    stage: |ringer| seen(ringer, nobody(0, 0)),
};

pub(super) const CASES: &[Case] = &[
    BASE,
    Case {
        name: "no_sale_customer_wants_change",
        fires: false,
        why: "A customer who wants money changed stands at the till.",
        stage: |ringer| Staged::ending(vec![ringer.no_sale()?]),
        ..BASE
    },
    Case {
        name: "no_sale_customer_just_leaving",
        fires: false,
        why: "A customer leaves the zone 1 s after the drawer opens: within 2 s counts as there.",
        stage: |ringer| seen(ringer, visit((0, 0), -12_000, 1_000)),
        ..BASE
    },
    Case {
        name: "no_sale_camera_blind",
        fires: false,
        why: "The picture is frozen while the drawer opens: presence is unknown, which is a blind spot and no alert.",
        stage: |ringer| seen(ringer, vec![(-12_000, 12_000, Zone::Blind)]),
        ..BASE
    },
];

fn seen(ringer: &mut Ringer<'_>, zones: Vec<(i64, i64, Zone)>) -> Result<Staged> {
    let mut no_sale = ringer.no_sale()?;
    no_sale.seen = zones;
    Staged::ending(vec![no_sale])
}
