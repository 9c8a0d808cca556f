//! What happens at tills besides sales, in the gaps that customers leave: refunds, reprints, post-voids, change,
//! cash to the safe, petty cash, training.
//!
//! All of it is honest and stays out of the rules' reach: somebody stands at the till, post-voids are of card
//! payments, and the drawer is not opened within ten minutes of a void.

use tillsight_schemas::pos::{Kind, TenderType};

use super::session::Session;
use super::till::Draft;
use crate::Result;
use crate::dice::Dice;
use crate::plan::Role;

/// Seconds after a void in which nobody opens the drawer without a sale.
const AFTER_A_VOID: i64 = 600;
/// Seconds from the till to the safe.
const TO_THE_SAFE: i64 = 60;

impl Session<'_> {
    /// Does all chores.
    pub(crate) fn chores(&mut self) -> Result<()> {
        let mut dice = self.dice("chores");
        self.after_sales(&mut dice)?;
        self.cash_to_the_safe()?;
        self.petty_cash_and_training(&mut dice)?;
        self.change_money(&mut dice)
    }

    /// Reprints, post-voids and refunds.
    fn after_sales(&mut self, dice: &mut Dice) -> Result<()> {
        let rates = self.plan.rates;
        let staged: Vec<_> = self.placed.iter().flat_map(|placed| placed.events.clone()).collect();
        let plain =
            |draft: &&Draft| draft.body.kind == Kind::Sale && !draft.body.training && !staged.contains(&draft.key);
        let sales: Vec<Draft> = self.drafts.iter().filter(plain).cloned().collect();
        for sale in &sales {
            if dice.chance(rates.reprint) {
                let mut reprint = self.ringer.control(Kind::Reprint)?;
                reprint.refers = Some(sale.key);
                self.put_after(reprint, sale, 20);
            }
            let by_card = |how| matches!(how, TenderType::Credit | TenderType::Debit);
            if dice.chance(rates.post_void) && sale.body.tenders.iter().any(|tender| by_card(tender.tender_type)) {
                let void = self.ringer.post_void(sale)?;
                self.put_after(void, sale, 60);
            }
            if dice.chance(rates.refund) {
                let with_receipt = dice.chance(rates.refund_with_receipt);
                let Some(basket) = sale.basket else { continue };
                let paid = sale.body.tenders.first().map_or(TenderType::Cash, |tender| tender.tender_type);
                let (of, how) = if with_receipt { (Some(sale), paid) } else { (None, TenderType::StoreCredit) };
                // A basket of fuel alone cannot be brought back.
                if let Ok(refund) = self.ringer.refund(&basket, of, how) {
                    self.bring_back(refund, sale, dice);
                }
            }
        }
        Ok(())
    }

    /// Puts an event into the first gap `later` seconds after another one, at the same register, unless it is quiet
    /// there or the register has closed.
    fn put_after(&mut self, draft: Draft, other: &Draft, later: i64) {
        let register = other.register;
        let Some(at) = self.fit(&draft, register, other.end + later) else { return };
        if !self.lanes.get(register).is_none_or(|lane| lane.is_quiet(at, at + draft.end)) {
            self.put(draft, register, at);
        }
    }

    /// A customer comes back within four hours, or while there is still time, and takes the shortest lane.
    fn bring_back(&mut self, refund: Draft, sale: &Draft, dice: &mut Dice) {
        let close = self.posts.iter().map(|post| post.end).max().unwrap_or(sale.end);
        let later = dice.between(600, (4 * 3_600).min(close - sale.end - 600));
        let Some((register, at)) = self.shortest_wait(&refund, sale.end + later, dice) else { return };
        if !self.lanes.get(register).is_none_or(|lane| lane.is_quiet(at, at + refund.end)) {
            self.put(refund, register, at);
        }
    }

    /// Cash above the float goes to the safe whenever there is enough of it.
    fn cash_to_the_safe(&mut self) -> Result<()> {
        let limit = i64::from(self.plan.rates.pickup_minor);
        for register in 0..self.lanes.len() {
            let cash_in = |draft: &Draft| -> i64 {
                let tenders = draft.body.tenders.iter().filter(|tender| tender.tender_type == TenderType::Cash);
                tenders.map(|tender| tender.amount_minor - tender.change_minor).sum()
            };
            let sales = self.drafts.iter().filter(|draft| draft.register == register && draft.body.kind == Kind::Sale);
            let mut taken: Vec<(i64, i64)> = sales.map(|sale| (sale.end, cash_in(sale))).collect();
            taken.sort_unstable();
            let mut cash = 0;
            let mut not_before = i64::MIN;
            for (at, amount) in taken {
                cash += amount;
                let owned = self.lanes.get(register).is_none_or(|lane| lane.is_owned(at));
                if cash >= limit && at > not_before && !owned {
                    let whole = cash / 100 * 100;
                    let mut pickup = self.ringer.cash(Kind::Pickup, whole, Role::Supervisor)?;
                    pickup.begin = -30;
                    let booked = self.plan.rates.safe_drop;
                    let drop = booked > 0 && self.ringer.dice.chance(booked);
                    // The till waits until the cash is in the safe.
                    pickup.end = if drop { TO_THE_SAFE } else { 0 };
                    let Some(when) = self.fit(&pickup, register, at + 40) else { break };
                    pickup.end = 0;
                    self.put(pickup, register, when);
                    if drop {
                        let drop = self.ringer.cash(Kind::SafeDrop, whole, Role::Supervisor)?;
                        self.put(drop, register, when + TO_THE_SAFE);
                    }
                    cash -= whole;
                    not_before = when;
                }
            }
        }
        Ok(())
    }

    /// Petty cash, and new people who ring in training mode.
    fn petty_cash_and_training(&mut self, dice: &mut Dice) -> Result<()> {
        if dice.chance(self.plan.rates.paid_out) {
            let mut paid_out = self.ringer.cash(Kind::PaidOut, dice.between(5, 40) * 100, Role::Manager)?;
            paid_out.body.kind_raw = Some("PETTY_CASH".to_owned());
            self.put_somewhere(paid_out, dice);
        }
        if dice.chance(self.plan.rates.training) {
            for _ in 0..3 {
                let basket = self.ringer.find("any", |lines| !lines.is_empty())?;
                let mut sale = self.ringer.sale(&basket, Some(TenderType::Cash))?;
                sale.body.training = true;
                sale.body.customer_token = None;
                sale.seen.clear();
                self.put_somewhere(sale, dice);
            }
        }
        Ok(())
    }

    /// The drawer is opened to change money, a few times in each shift.
    fn change_money(&mut self, dice: &mut Dice) -> Result<()> {
        let most = i64::from(self.plan.rates.no_sales_per_shift) * 2;
        for post in self.posts.clone() {
            for _ in 0..dice.between(0, most) {
                for _ in 0..5 {
                    let draft = self.ringer.no_sale()?;
                    let from = dice.between(post.start, post.end);
                    let at = self.fit(&draft, post.register, from).filter(|at| *at < post.end);
                    let Some((at, lane)) = at.zip(self.lanes.get(post.register)) else { continue };
                    let void = lane.voids.iter().any(|void| (at - AFTER_A_VOID..=at + 60).contains(void));
                    if !void && !lane.is_quiet(at, at + 1) {
                        self.put(draft, post.register, at);
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Puts an event into a gap of any shift where it is not quiet.
    fn put_somewhere(&mut self, draft: Draft, dice: &mut Dice) {
        for _ in 0..20 {
            let Some(post) = dice.pick(&self.posts).cloned() else { return };
            let from = dice.between(post.start, post.end);
            let Some(at) = self.fit(&draft, post.register, from) else { continue };
            if !self.lanes.get(post.register).is_none_or(|lane| lane.is_quiet(at, at + draft.end)) {
                self.put(draft, post.register, at);
                return;
            }
        }
    }
}
