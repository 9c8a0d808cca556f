//! Money back with nobody there to take it: the cashier rings a refund and keeps the cash.

use tillsight_schemas::pos::TenderType;

use super::{Case, Place, Staged, nobody, visit};
use crate::Result;
use crate::store_day::ring::{Ringer, attended, returnable};
use crate::store_day::till::Draft;
use crate::truth::Zone;

const BASE: Case = Case {
    scenario: "refund_no_customer",
    name: "refund_no_customer",
    fires: true,
    why: "A cash refund, and the camera shows the customer zone empty from 12 s before to 12 s after.",
    about_presence: true,
    also: &[],
    place: Place::Anywhere,
    quiet_seconds: 700,
    stage: |ringer| alone(cash_refund(ringer)?),
};

pub(super) const CASES: &[Case] = &[
    BASE,
    Case {
        name: "refund_no_customer_without_receipt",
        why: "A cash refund without a receipt of items that nobody brought: the customer zone is empty all the time.",
        stage: |ringer| {
            let basket = ringer.find("an item from 5.00", |lines| {
                lines.iter().any(|line| returnable(line) && line.extended_minor >= 500)
            })?;
            alone(ringer.refund(&basket, None, TenderType::Cash)?)
        },
        ..BASE
    },
    Case {
        name: "refund_customer_present",
        fires: false,
        why: "A customer stands at the till during the whole refund.",
        stage: |ringer| Staged::ending(vec![attended(cash_refund(ringer)?)]),
        ..BASE
    },
    Case {
        name: "refund_customer_visits_for_1400_ms",
        fires: false,
        why: "The refund takes 4 s and somebody stands there for 1.4 s of them: not nobody.",
        stage: |ringer| {
            let mut refund = cash_refund(ringer)?;
            hurry(&mut refund, 4);
            let middle = refund.begin * 1_000 + 1_300;
            refund.seen = visit((refund.begin, refund.end), middle, middle + 1_400);
            Staged::ending(vec![refund])
        },
        ..BASE
    },
    Case {
        name: "refund_customer_leaves_at_once",
        fires: false,
        why: "The customer is there when the refund begins and leaves 1 s later: within 2 s of the refund counts.",
        stage: |ringer| {
            let mut refund = cash_refund(ringer)?;
            let leaves = (refund.begin + 1) * 1_000;
            refund.seen = visit((refund.begin, refund.end), (refund.begin - 12) * 1_000, leaves);
            Staged::ending(vec![refund])
        },
        ..BASE
    },
    Case {
        name: "refund_camera_blind",
        fires: false,
        why: "The camera is unplugged during the refund: presence is unknown, which is a blind spot and no alert.",
        stage: |ringer| {
            let mut refund = cash_refund(ringer)?;
            refund.seen = vec![((refund.begin - 12) * 1_000, (refund.end + 12) * 1_000, Zone::Blind)];
            Staged::ending(vec![refund])
        },
        ..BASE
    },
    Case {
        name: "refund_no_customer_in_training",
        fires: false,
        why: "Nobody is there, but the refund is rung in training mode.",
        stage: |ringer| {
            let mut refund = cash_refund(ringer)?;
            refund.body.training = true;
            alone(refund)
        },
        ..BASE
    },
];

fn cash_refund(ringer: &mut Ringer<'_>) -> Result<Draft> {
    let basket = ringer.find("items of whole pieces", |lines| {
        lines.len() <= 12 && lines.iter().filter(|line| returnable(line) && line.extended_minor >= 300).count() > 1
    })?;
    ringer.refund(&basket, None, TenderType::Cash)
}

fn alone(mut refund: Draft) -> Result<Staged> {
    refund.seen = nobody(refund.begin, refund.end);
    Staged::ending(vec![refund])
}

/// Makes it take so many seconds.
fn hurry(draft: &mut Draft, seconds: i64) {
    draft.end = draft.begin + seconds;
    let (begin, end) = (draft.begin, draft.end);
    draft.line_at.iter_mut().for_each(|at| *at = (begin + 1).min(end));
}
