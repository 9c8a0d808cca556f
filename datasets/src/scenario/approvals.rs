//! Approvals that are none: by oneself, always by the same person, quicker than anybody can look.
//!
//! The rules: `self_approved` from 10.00 on, where somebody else approved something within 4 h; `one_approver` from ten
//! approvals of a shift on, at least 80 % of them by one person who gives less than half of the others'; `override_too_quick` at the
//! third approval of a day that one person gave within less than 2 s.

use tillsight_schemas::pos::{Kind, TenderType};

use super::{Case, Staged, done_at, refund_of, two_supervisors};
use crate::Result;
use crate::plan::Role;
use crate::store_day::ring::Ringer;
use crate::store_day::till::At;

pub(super) const CASES: &[Case] = &[
    Case::fires(
        "self_approved",
        "refund_approved_by_oneself",
        "A supervisor helps out at a till, rings a refund of 10.00 to 60.00 and approves it alone; another had approved something just before.",
        |ringer| {
            let minor = ringer.dice.between(1_000, 6_000);
            approved(ringer, minor, false)
        },
    ),
    Case::fires(
        "self_approved",
        "paid_out_approved_by_oneself",
        "A supervisor pays 15.00 out of a till and approves it alone; another had approved something just before.",
        |ringer| {
            let mut staged = approved(ringer, 1_500, false)?;
            let paid_out = ringer.cash(Kind::PaidOut, 1_500, Role::Manager)?;
            if let Some(last) = staged.events.last_mut() {
                last.body.kind = Kind::PaidOut;
                last.body.lines.clear();
                last.line_at.clear();
                last.body.tenders = paid_out.body.tenders;
            }
            Ok(staged)
        },
    ),
    Case::near(
        "self_approved",
        "refund_approved_by_another",
        "A supervisor rings a refund and another one approves it.",
        |ringer| {
            let minor = ringer.dice.between(1_000, 6_000);
            approved(ringer, minor, true)
        },
    ),
    Case::near(
        "self_approved",
        "small_refund_approved_by_oneself",
        "A supervisor approves a refund of a cent less than 10.00 alone.",
        |ringer| approved(ringer, 999, false),
    ),
    Case::fires(
        "one_approver",
        "ten_approvals_by_one",
        "Ten openings of the drawer are approved by the same supervisor, who approves a sixth of what the others ring.",
        |ringer| approvals(ringer, 10, 10),
    ),
    Case::near(
        "one_approver",
        "twelve_approvals_by_two",
        "Twelve openings of the drawer are approved by two supervisors in turn.",
        |ringer| approvals(ringer, 12, 6),
    ),
    Case::near(
        "one_approver",
        "eight_approvals_by_one",
        "Eight openings of the drawer are approved by the same supervisor; it takes ten.",
        |ringer| approvals(ringer, 8, 8),
    ),
    Case::fires(
        "override_too_quick",
        "three_overrides_within_a_second",
        "A supervisor approves three times on a day, within a second of being asked each time.",
        |ringer| overrides(ringer, Kind::Override, 1),
    ),
    Case::fires(
        "override_too_quick",
        "three_ages_checked_within_a_second",
        "A supervisor checks an age three times on a day, within a second of being asked each time.",
        |ringer| overrides(ringer, Kind::AgeCheck, 1),
    ),
    Case::near(
        "override_too_quick",
        "three_overrides_within_three_seconds",
        "A supervisor approves three times on a day, each time three seconds after being asked.",
        |ringer| overrides(ringer, Kind::Override, 3),
    ),
    Case::near(
        "override_too_quick",
        "three_overrides_of_an_instant",
        "The till writes the same instant for request and answer: it may not know.",
        |ringer| overrides(ringer, Kind::Override, 0),
    ),
];

/// A small refund that one supervisor approves, and twenty minutes later a refund that another rings and approves alone, or
/// with the first.
fn approved(ringer: &mut Ringer<'_>, minor: i64, by_another: bool) -> Result<Staged> {
    let [other, rings] = two_supervisors(ringer)?;
    let mut before = refund_of(ringer, 500, TenderType::StoreCredit)?;
    before.body.supervisor_id = Some(other.clone());
    let mut refund = refund_of(ringer, minor, TenderType::StoreCredit)?;
    refund.body.operator_id = Some(rings.clone());
    refund.body.supervisor_id = Some(if by_another { other } else { rings });
    Staged::ending(vec![before, done_at(refund, 1_200)])
}

/// So many openings of the drawer in one shift, of which one supervisor approves the first so many and another the rest, beside some
/// at another register that anybody approves.
fn approvals(ringer: &mut Ringer<'_>, count: i64, by_one: i64) -> Result<Staged> {
    let [one, other] = two_supervisors(ringer)?;
    let mut events = Vec::new();
    for n in 0..count {
        let mut no_sale = ringer.no_sale()?;
        no_sale.body.supervisor_id = Some(if n < by_one { one.clone() } else { other.clone() });
        events.push(done_at(no_sale, n * 300));
    }
    for n in 0..8 {
        let mut no_sale = ringer.no_sale()?;
        no_sale.body.supervisor_id = ringer.approver(Role::Supervisor);
        no_sale.at = At::Other;
        events.push(done_at(no_sale, n * 300));
    }
    Staged::until(Kind::SignOff, events)
}

/// Three approvals by one supervisor that took so many seconds each.
fn overrides(ringer: &mut Ringer<'_>, kind: Kind, seconds: i64) -> Result<Staged> {
    let [approver, _] = two_supervisors(ringer)?;
    let events = (0..3).map(|n| {
        let mut allowed = ringer.control(kind)?;
        allowed.body.supervisor_id = Some(approver.clone());
        allowed.end = seconds;
        Ok(done_at(allowed, n * 600))
    });
    Staged::ending(events.collect::<Result<_>>()?)
}
