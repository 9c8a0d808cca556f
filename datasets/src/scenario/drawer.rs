//! The drawer opened and cash taken out: after a cancelled sale, many times, before going home, paid out without approval.
//!
//! The rules: `cancel_then_drawer` within 60 s of a cancelled sale from 5.00 on, by a no-sale of somebody else or a paid-out, with
//! nothing sold in between and unapproved; `no_sale_often` at the ninth of an operator's day; `no_sale_before_sign_off` from
//! three in the last hour on, more than in the seven before, unapproved; `paid_out_often` at the fourth of a day;
//! `paid_out_unapproved` from 10.00 on.

use tillsight_schemas::pos::{Action, Kind, TenderType};

use super::{Case, Place, Staged, done_at, lasting, one_item, two_supervisors};
use crate::Result;
use crate::plan::Role;
use crate::store_day::ring::Ringer;
use crate::store_day::till::Draft;

pub(super) const CASES: &[Case] = &[
    Case::fires(
        "cancel_then_drawer",
        "cancel_then_no_sale_of_another",
        "A sale is cancelled, and 40 s later a supervisor opens the drawer without a sale and without approval.",
        |ringer| {
            let opened = opened_by_another(ringer)?;
            after_cancel(ringer, opened, 40)
        },
    ),
    Case::fires(
        "cancel_then_drawer",
        "cancel_then_paid_out",
        "A sale is cancelled, and 30 s later less than 10.00 is paid out, too little to want approval of its own.",
        |ringer| {
            let paid_out = paid_out(ringer, 800, false)?;
            after_cancel(ringer, paid_out, 30)
        },
    ),
    Case::near(
        "cancel_then_drawer",
        "cancel_then_no_sale_of_another_after_90_s",
        "A supervisor opens the drawer 90 s after the cancel, not within 60 s.",
        |ringer| {
            let opened = opened_by_another(ringer)?;
            after_cancel(ringer, opened, 90)
        },
    ),
    Case::near(
        "cancel_then_drawer",
        "cancel_then_approved_paid_out",
        "A sale is cancelled, and 30 s later cash is paid out that a manager approved.",
        |ringer| {
            let paid_out = paid_out(ringer, 800, true)?;
            after_cancel(ringer, paid_out, 30)
        },
    ),
    Case::near(
        "cancel_then_drawer",
        "cancel_then_rung_again_then_paid_out",
        "The goods of the cancelled sale are rung again before cash is paid out.",
        |ringer| {
            let paid_out = paid_out(ringer, 800, false)?;
            let mut staged = after_cancel(ringer, paid_out, 55)?;
            let (_, sale) = one_item(ringer, 500, TenderType::Debit)?;
            let mut sale = lasting(sale, 15);
            sale.seen.iter_mut().for_each(|(from, ..)| *from = 0);
            let cancelled = staged.events.first().map_or(0, |cancel| cancel.end);
            staged.events.insert(1, done_at(sale, cancelled + 35));
            Ok(staged)
        },
    ),
    Case::fires(
        "no_sale_often",
        "nine_no_sales",
        "An operator opens the drawer nine times without a sale on a day; the ninth is one more than eight.",
        |ringer| no_sales(ringer, (0..9).map(|n| n * 420)),
    ),
    Case::near(
        "no_sale_often",
        "eight_no_sales",
        "An operator opens the drawer eight times without a sale on a day; it takes nine.",
        |ringer| no_sales(ringer, (0..8).map(|n| n * 420)),
    ),
    Case::near(
        "no_sale_often",
        "nine_no_sales_of_which_one_is_approved",
        "An operator opens the drawer nine times without a sale, and a supervisor approves one of them.",
        |ringer| {
            let mut staged = no_sales(ringer, (0..9).map(|n| n * 420))?;
            let [approver, _] = two_supervisors(ringer)?;
            if let Some(second) = staged.events.get_mut(1) {
                second.body.supervisor_id = Some(approver);
            }
            Ok(staged)
        },
    ),
    Case::fires(
        "no_sale_before_sign_off",
        "three_no_sales_before_sign_off",
        "An operator opens the drawer three times in the last hour of a shift, and never before.",
        |ringer| leaving(ringer, &[-3_000, -1_800, -600]),
    )
    .at(Place::Leaving),
    Case::near(
        "no_sale_before_sign_off",
        "two_no_sales_before_sign_off",
        "An operator opens the drawer twice in the last hour; it takes three.",
        |ringer| leaving(ringer, &[-1_800, -600]),
    )
    .at(Place::Leaving),
    Case::near(
        "no_sale_before_sign_off",
        "no_sales_all_day",
        "An operator opens the drawer three times in the last hour, and as often before.",
        |ringer| leaving(ringer, &[-6_000, -5_400, -4_800, -3_000, -1_800, -600]),
    )
    .at(Place::Leaving),
    Case::fires(
        "paid_out_often",
        "four_paid_outs",
        "An operator pays cash out four times on a day, all approved; the fourth is one more than three.",
        |ringer| paid_outs(ringer, 4),
    ),
    Case::near(
        "paid_out_often",
        "three_paid_outs",
        "An operator pays cash out three times on a day; it takes four.",
        |ringer| paid_outs(ringer, 3),
    ),
    Case::fires(
        "paid_out_unapproved",
        "paid_out_of_10_unapproved",
        "Exactly 10.00 are paid out with no approver, in a store that names approvers.",
        |ringer| Staged::ending(vec![paid_out(ringer, 1_000, false)?]),
    ),
    Case::fires(
        "paid_out_unapproved",
        "large_paid_out_unapproved",
        "20.00 to 90.00 are paid out with no approver.",
        |ringer| {
            let minor = ringer.dice.between(2_000, 9_000);
            Staged::ending(vec![paid_out(ringer, minor, false)?])
        },
    ),
    Case::near(
        "paid_out_unapproved",
        "small_paid_out_unapproved",
        "A cent less than 10.00 is paid out with no approver.",
        |ringer| Staged::ending(vec![paid_out(ringer, 999, false)?]),
    ),
    Case::near(
        "paid_out_unapproved",
        "large_paid_out_approved",
        "20.00 to 90.00 are paid out, and a manager approves it.",
        |ringer| {
            let minor = ringer.dice.between(2_000, 9_000);
            Staged::ending(vec![paid_out(ringer, minor, true)?])
        },
    ),
];

/// A cancelled sale of at least 5.00, and something so many seconds after it.
fn after_cancel(ringer: &mut Ringer<'_>, mut then: Draft, later: i64) -> Result<Staged> {
    let basket = ringer.find("a basket whose first item is worth 5.00", |lines| {
        let dear = lines.first().is_some_and(|line| line.extended_minor >= 500);
        dear && lines.len() <= 12 && lines.iter().all(|line| line.action == Action::Sale)
    })?;
    let cancel = ringer.cancel(&basket)?;
    // Whoever is there stands there only as long as there is room for it.
    then.seen.iter_mut().for_each(|(from, ..)| *from = (*from).max(-5_000));
    let second = cancel.end + later;
    Staged::ending(vec![cancel, done_at(then, second)])
}

fn opened_by_another(ringer: &mut Ringer<'_>) -> Result<Draft> {
    let [other, _] = two_supervisors(ringer)?;
    let mut no_sale = ringer.no_sale()?;
    no_sale.body.operator_id = Some(other);
    Ok(no_sale)
}

fn paid_out(ringer: &mut Ringer<'_>, minor: i64, approved: bool) -> Result<Draft> {
    let mut paid_out = ringer.cash(Kind::PaidOut, minor, Role::Manager)?;
    if !approved {
        paid_out.body.supervisor_id = None;
    }
    Ok(paid_out)
}

fn paid_outs(ringer: &mut Ringer<'_>, count: i64) -> Result<Staged> {
    let events = (0..count).map(|n| {
        let minor = ringer.dice.between(500, 4_000);
        Ok(done_at(paid_out(ringer, minor, true)?, n * 900))
    });
    Staged::ending(events.collect::<Result<_>>()?)
}

fn no_sales(ringer: &mut Ringer<'_>, seconds: impl Iterator<Item = i64>) -> Result<Staged> {
    let events = seconds.map(|second| Ok(done_at(ringer.no_sale()?, second)));
    Staged::ending(events.collect::<Result<_>>()?)
}

fn leaving(ringer: &mut Ringer<'_>, seconds: &[i64]) -> Result<Staged> {
    Staged::until(Kind::SignOff, no_sales(ringer, seconds.iter().copied())?.events)
}
