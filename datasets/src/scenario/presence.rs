//! What a camera decides besides refunds and no-sales with nobody there: nobody at the till, a void after the customer has left, a
//! customer in training mode.
//!
//! The rules: `nobody_at_till` and `override_nobody_there` where the cashier's zone is empty ± 2 s; `post_void_customer_gone` where
//! somebody stood in the customer zone at a cash sale from 10.00 on and nobody does at its void within 30 min (which is a
//! `post_void` in any case); `training_sale_customer` where somebody stands there for 15 s of a training sale.

use tillsight_schemas::pos::{Kind, TenderType};

use super::{Case, Staged, done_at, lasting, nobody, one_item, refund_of, two_supervisors, visit};
use crate::Result;
use crate::plan::Role;
use crate::store_day::ring::Ringer;
use crate::store_day::till::Draft;
use crate::truth::Zone;

const POST_VOID: &[&str] = &["post_void"];

pub(super) const CASES: &[Case] = &[
    Case::fires(
        "nobody_at_till",
        "refund_with_nobody_at_the_till",
        "A refund is rung with a customer there and nobody in the cashier's zone.",
        |ringer| {
            let refund = refund_of(ringer, 800, TenderType::StoreCredit)?;
            alone(refund, Zone::Empty)
        },
    )
    .seen(),
    Case::fires(
        "nobody_at_till",
        "paid_out_with_nobody_at_the_till",
        "Cash is paid out, approved, with nobody in the cashier's zone.",
        |ringer| alone(ringer.cash(Kind::PaidOut, 2_000, Role::Manager)?, Zone::Empty),
    )
    .seen(),
    Case::near(
        "nobody_at_till",
        "paid_out_with_the_cashier_there",
        "Cash is paid out, approved, by a cashier who stands there.",
        |ringer| alone(ringer.cash(Kind::PaidOut, 2_000, Role::Manager)?, Zone::Occupied),
    )
    .seen(),
    Case::near(
        "nobody_at_till",
        "refund_with_the_cashier_leaving",
        "The cashier leaves a second after the refund: within 2 s counts as there.",
        |ringer| {
            let mut refund = refund_of(ringer, 800, TenderType::StoreCredit)?;
            let (begin, end) = (refund.begin, refund.end);
            refund.cashier = visit((begin, end), (begin - 12) * 1_000, (end + 1) * 1_000);
            Staged::ending(vec![refund])
        },
    )
    .seen(),
    Case::near(
        "nobody_at_till",
        "no_sale_with_the_camera_blind",
        "The picture of the cashier's zone is frozen while the drawer opens: unknown, and no alert.",
        |ringer| alone(ringer.no_sale()?, Zone::Blind),
    )
    .seen(),
    Case::fires(
        "override_nobody_there",
        "approved_with_nobody_there",
        "A supervisor's approval is entered with nobody in the cashier's zone.",
        |ringer| alone(allowed(ringer, Kind::Override)?, Zone::Empty),
    )
    .seen(),
    Case::fires(
        "override_nobody_there",
        "age_checked_with_nobody_there",
        "A check of age is entered with nobody in the cashier's zone.",
        |ringer| alone(allowed(ringer, Kind::AgeCheck)?, Zone::Empty),
    )
    .seen(),
    Case::near(
        "override_nobody_there",
        "approved_with_somebody_there",
        "A supervisor's approval is entered by somebody in the cashier's zone.",
        |ringer| alone(allowed(ringer, Kind::Override)?, Zone::Occupied),
    )
    .seen(),
    Case::near(
        "override_nobody_there",
        "approved_with_the_camera_blind",
        "The picture of the cashier's zone is frozen during an approval.",
        |ringer| alone(allowed(ringer, Kind::Override)?, Zone::Blind),
    )
    .seen(),
    Case::fires(
        "post_void_customer_gone",
        "void_with_the_customer_gone",
        "A customer pays 15.00 to 80.00 in cash and leaves; five minutes later the sale is voided with nobody there.",
        |ringer| void(ringer, TenderType::Cash, |void| void.seen = nobody(void.begin, void.end)),
    )
    .seen()
    .also(POST_VOID),
    Case::near(
        "post_void_customer_gone",
        "void_with_the_customer_there",
        "The customer is still there when the cash sale is voided.",
        |ringer| void(ringer, TenderType::Cash, |_| ()),
    )
    .seen()
    .also(POST_VOID),
    Case::near(
        "post_void_customer_gone",
        "void_of_a_sale_without_customer",
        "Nobody was there at the sale either: it was rung by mistake.",
        |ringer| {
            let mut staged = void(ringer, TenderType::Cash, |void| void.seen = nobody(void.begin, void.end))?;
            staged.events.iter_mut().for_each(|draft| draft.seen = nobody(draft.begin, draft.end));
            Ok(staged)
        },
    )
    .seen()
    .also(POST_VOID),
    Case::near(
        "post_void_customer_gone",
        "void_with_the_camera_blind",
        "The camera is unplugged while the cash sale is voided.",
        |ringer| {
            void(ringer, TenderType::Cash, |void| {
                void.seen = vec![((void.begin - 12) * 1_000, (void.end + 12) * 1_000, Zone::Blind)];
            })
        },
    )
    .seen()
    .also(POST_VOID),
    Case::near(
        "post_void_customer_gone",
        "void_of_a_card_sale_with_the_customer_gone",
        "The voided sale was paid by card.",
        |ringer| void(ringer, TenderType::Debit, |void| void.seen = nobody(void.begin, void.end)),
    )
    .seen(),
    Case::fires(
        "training_sale_customer",
        "training_sale_with_a_customer",
        "A sale of a minute is rung in training mode for a customer who stands there all the time.",
        |ringer| training(ringer, |_| ()),
    )
    .seen(),
    Case::near(
        "training_sale_customer",
        "training_sale_with_nobody_there",
        "A sale is rung in training mode with nobody there.",
        |ringer| training(ringer, |sale| sale.seen = nobody(sale.begin, sale.end)),
    )
    .seen(),
    Case::near(
        "training_sale_customer",
        "training_sale_with_a_passer_by",
        "Somebody asks something for eight seconds while a sale is rung in training mode.",
        |ringer| {
            training(ringer, |sale| {
                let from = (sale.begin + 20) * 1_000;
                sale.seen = visit((sale.begin, sale.end), from, from + 8_000);
            })
        },
    )
    .seen(),
];

/// An event with something to be seen in the cashier's zone for 12 s on either side.
fn alone(mut draft: Draft, zone: Zone) -> Result<Staged> {
    draft.cashier = vec![((draft.begin - 12) * 1_000, (draft.end + 12) * 1_000, zone)];
    Staged::ending(vec![draft])
}

/// Something allowed by a supervisor who takes six seconds over it.
fn allowed(ringer: &mut Ringer<'_>, kind: Kind) -> Result<Draft> {
    let [approver, _] = two_supervisors(ringer)?;
    let mut allowed = ringer.control(kind)?;
    allowed.body.supervisor_id = Some(approver);
    allowed.end = 6;
    Ok(allowed)
}

/// A sale, and its void five minutes later with something to be seen.
fn void(ringer: &mut Ringer<'_>, how: TenderType, look: fn(&mut Draft)) -> Result<Staged> {
    let minor = ringer.dice.between(1_500, 8_000);
    let (_, sale) = one_item(ringer, minor, how)?;
    let mut void = ringer.post_void(&sale)?;
    look(&mut void);
    let second = sale.end + 300;
    Staged::ending(vec![sale, done_at(void, second)])
}

/// A sale of a minute in training mode with something to be seen.
fn training(ringer: &mut Ringer<'_>, look: fn(&mut Draft)) -> Result<Staged> {
    let (_, sale) = one_item(ringer, 900, TenderType::Cash)?;
    let mut sale = lasting(sale, 60);
    sale.body.training = true;
    sale.body.customer_token = None;
    look(&mut sale);
    Staged::ending(vec![sale])
}
