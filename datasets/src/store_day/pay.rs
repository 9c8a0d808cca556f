//! How customers pay: cash with change, or a card that is always the same for a household.
//!
//! `amount_minor` is what was handed over, `change_minor` what came back: amount − change = what was due. Card numbers
//! are masked before they leave the till, as an integrator must: six digits from ranges reserved for tests and four
//! that follow from the household, with a token for the card.

use tillsight_schemas::id::{TenantId, derive};
use tillsight_schemas::pos::{Direction, Tender, TenderType};

use crate::dice::Dice;
use crate::rates::Rates;

/// Draws with what somebody pays.
pub(crate) fn choose(dice: &mut Dice, rates: &Rates) -> TenderType {
    let weights = [
        (TenderType::Cash, rates.cash_weight),
        (TenderType::Credit, rates.credit_weight),
        (TenderType::Debit, rates.debit_weight),
        (TenderType::Gift, rates.gift_weight),
    ];
    dice.weighted(&weights).unwrap_or(TenderType::Cash)
}

/// Pays `due`, or gives it back when the direction is out; nothing when nothing is due.
pub(crate) fn pay(
    dice: &mut Dice,
    rates: &Rates,
    (tenant, household): (&TenantId, i64),
    (how, due, direction): (TenderType, i64, Direction),
) -> Vec<Tender> {
    if due == 0 {
        return Vec::new();
    }
    let given = if how == TenderType::Cash && direction == Direction::In { handed_over(dice, due) } else { due };
    let mut tender = Tender {
        tender_no: 1,
        tender_type: how,
        amount_minor: given,
        direction,
        change_minor: given - due,
        pan_masked: None,
        card_token: None,
        entry_mode: None,
        stan: None,
        rrn: None,
        auth_code: None,
        response: None,
        terminal_id: None,
        offline: false,
    };
    if matches!(how, TenderType::Credit | TenderType::Debit) {
        let household = household.to_string();
        let card = derive("datasets.card", [Some(tenant.as_str()), Some(&household), Some(how.as_str())]);
        let (high, low) = card.as_u64_pair();
        let ranges: &[&str] =
            if how == TenderType::Credit { &["411111", "555555", "424242"] } else { &["400005", "520082"] };
        let range = usize::try_from(high % 6).ok().and_then(|n| ranges.get(n % ranges.len()));
        tender.pan_masked = Some(format!("{}******{:04}", range.unwrap_or(&"411111"), low % 10_000));
        // Twelve digits at most, so that a token never looks like a card number.
        tender.card_token = Some(format!("tok_{:012x}", high & 0xffff_ffff_ffff));
        tender.entry_mode = Some(if dice.chance(rates.contactless) { "CONTACTLESS" } else { "CHIP" }.to_owned());
        tender.stan = Some(dice.digits(6));
        tender.rrn = Some(dice.digits(12));
        tender.auth_code = Some(dice.digits(6));
        tender.response = Some("00".to_owned());
    }
    vec![tender]
}

/// Cash is handed over exactly, or rounded up to a coin or note.
fn handed_over(dice: &mut Dice, due: i64) -> i64 {
    let unit = dice.weighted(&[(1, 15), (100, 20), (500, 25), (1_000, 10), (2_000, 30)]).unwrap_or(1);
    (due + unit - 1) / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paid(how: TenderType, due: i64, direction: Direction) -> Vec<Tender> {
        let tenant = "demo".parse().unwrap();
        pay(&mut Dice::new(1, "pay", &[]), &Rates::default(), (&tenant, 900), (how, due, direction))
    }

    #[test]
    fn what_is_handed_over_less_change_is_what_was_due() {
        for due in [1, 99, 1_234, 20_000] {
            let tender = &paid(TenderType::Cash, due, Direction::In)[0];
            assert_eq!(tender.amount_minor - tender.change_minor, due);
            let refund = &paid(TenderType::Cash, due, Direction::Out)[0];
            assert_eq!((refund.amount_minor, refund.change_minor), (due, 0));
        }
        assert!(paid(TenderType::Cash, 0, Direction::In).is_empty());
    }

    #[test]
    fn a_household_keeps_its_card_and_no_full_number_is_there() {
        let (one, two) = (paid(TenderType::Debit, 500, Direction::In), paid(TenderType::Debit, 900, Direction::Out));
        assert_eq!(one[0].card_token, two[0].card_token);
        let pan = one[0].pan_masked.as_deref().unwrap();
        assert_eq!((pan.len(), pan.matches('*').count()), (16, 6));
    }
}
