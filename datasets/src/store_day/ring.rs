//! What can be rung at a till, as drafts that begin at second 0 and belong to nobody yet.

use tillsight_schemas::id::{RegisterId, derive};
use tillsight_schemas::pos::{Action, Direction, Entry, Kind, Line, PriceOverride, TenderType, Transaction};

use super::pay;
use super::till::{At, Draft, Key};
use crate::dice::Dice;
use crate::journey::{Basket, Panel, basket_total, line_number};
use crate::plan::{Role, StorePlan};
use crate::truth::Zone;
use crate::{Error, Result};

/// Seconds that a customer stands there before the first key and after the last.
const LEAD: i64 = 15;
const TAIL: i64 = 5;

/// Rings drafts for a store.
#[derive(Debug)]
pub(crate) struct Ringer<'a> {
    pub(crate) panel: &'a Panel,
    pub(crate) plan: &'a StorePlan,
    pub(crate) dice: Dice,
    last_key: Key,
}

impl<'a> Ringer<'a> {
    pub(crate) fn new(panel: &'a Panel, plan: &'a StorePlan, dice: Dice) -> Self {
        Self { panel, plan, dice, last_key: 0 }
    }

    /// An event of an instant: no lines, no payments.
    pub(crate) fn control(&mut self, kind: Kind) -> Result<Draft> {
        self.last_key += 1;
        let register_id = match self.plan.registers.first() {
            Some(register) => register.id.clone(),
            None => RegisterId::new("0")?,
        };
        let body = Transaction {
            store_id: self.plan.store.id.clone(),
            register_id,
            business_day: None,
            kind,
            kind_raw: None,
            sequence_no: None,
            operator_id: None,
            supervisor_id: None,
            event_time_raw: String::new(),
            begin_time_raw: None,
            revision: 0,
            replaces: None,
            currency: Some(self.plan.store.currency),
            gross_minor: None,
            net_minor: None,
            tax_minor: None,
            total_minor: None,
            item_count: None,
            reference: None,
            receipt_no: None,
            customer_token: None,
            training: false,
            test: false,
            lines: Vec::new(),
            tenders: Vec::new(),
            receipt_text: None,
            source: None,
        };
        Ok(Draft {
            key: self.last_key,
            register: 0,
            begin: 0,
            end: 0,
            body,
            line_at: Vec::new(),
            refers: None,
            seen: Vec::new(),
            cashier: Vec::new(),
            at: At::Own,
            basket: None,
        })
    }

    /// The drawer opens to change money for a customer.
    pub(crate) fn no_sale(&mut self) -> Result<Draft> {
        Ok(attended(self.control(Kind::NoSale)?))
    }

    /// A basket is rung, untouched.
    pub(crate) fn sale(&mut self, basket: &Basket, how: Option<TenderType>) -> Result<Draft> {
        let mut draft = self.control(Kind::Sale)?;
        draft.body.lines = self.panel.lines(basket);
        draft.basket = Some(*basket);
        let household = basket.household.to_string();
        let tenant = &self.plan.store.tenant;
        let (_, token) = derive("datasets.customer", [Some(tenant.as_str()), Some(&household)]).as_u64_pair();
        draft.body.customer_token = Some(format!("cus_{:012x}", token & 0xffff_ffff_ffff));
        self.enter(&mut draft);
        self.settle(&mut draft, basket, how);
        Ok(attended(draft))
    }

    /// A customer gives up after some of the items.
    pub(crate) fn cancel(&mut self, basket: &Basket) -> Result<Draft> {
        let mut draft = self.sale(basket, None)?;
        self.keep_some(&mut draft);
        draft.body.kind = Kind::Cancel;
        draft.body.item_count = items(&draft.body.lines);
        Ok(attended(draft))
    }

    /// A sale is parked after some of its items.
    pub(crate) fn suspend(&mut self, sale: &Draft) -> Result<Draft> {
        let mut draft = Draft { key: self.control(Kind::Suspend)?.key, ..sale.clone() };
        self.keep_some(&mut draft);
        draft.body.kind = Kind::Suspend;
        Ok(attended(draft))
    }

    /// Items of a basket are taken back: up to two that have a price and are not fuel. `of` is the sale that the
    /// receipt names; money goes back the way it came, or in cash without a receipt.
    pub(crate) fn refund(&mut self, basket: &Basket, of: Option<&Draft>, how: TenderType) -> Result<Draft> {
        let mut draft = self.control(Kind::Return)?;
        let bought = of.map_or_else(|| self.panel.lines(basket), |sale| sale.body.lines.clone());
        let mut items: Vec<Line> = bought.into_iter().filter(returnable).collect();
        if items.is_empty() {
            return Err(Error::NoBasket { wanted: "an item to take back" });
        }
        self.dice.shuffle(&mut items);
        items.truncate(if self.dice.chance(30_000) { 2 } else { 1 });
        for (line_no, line) in (1..).zip(&mut items) {
            line.line_no = line_no;
            line.action = Action::Return;
        }
        draft.body.lines = items;
        draft.refers = of.map(|sale| sale.key);
        draft.body.supervisor_id = self.approver(Role::Supervisor);
        self.enter(&mut draft);
        let due = basket_total(&draft.body.lines);
        total(&mut draft.body, due);
        self.tender(&mut draft, basket, (how, due, Direction::Out));
        draft.end += self.dice.between(8, 20);
        Ok(attended(draft))
    }

    /// A completed sale is undone.
    pub(crate) fn post_void(&mut self, of: &Draft) -> Result<Draft> {
        let mut draft = self.control(Kind::PostVoid)?;
        draft.refers = Some(of.key);
        draft.body.supervisor_id = self.approver(Role::Supervisor);
        draft.body.total_minor = of.body.total_minor;
        draft.body.net_minor = of.body.net_minor;
        draft.body.gross_minor = of.body.gross_minor;
        draft.body.customer_token.clone_from(&of.body.customer_token);
        for tender in &of.body.tenders {
            let mut back = tender.clone();
            back.amount_minor = tender.amount_minor - tender.change_minor;
            back.change_minor = 0;
            back.direction = Direction::Out;
            draft.body.tenders.push(back);
        }
        draft.end = self.dice.between(6, 15);
        Ok(attended(draft))
    }

    /// Cash is moved without goods: change brought, cash taken away, petty cash.
    pub(crate) fn cash(&mut self, kind: Kind, amount: i64, approved: Role) -> Result<Draft> {
        let mut draft = self.control(kind)?;
        let direction = if matches!(kind, Kind::Loan | Kind::PaidIn) { Direction::In } else { Direction::Out };
        draft.body.total_minor = Some(amount);
        draft.body.supervisor_id = self.approver(approved);
        let nobody = (&self.plan.store.tenant, 0);
        draft.body.tenders = pay::pay(&mut self.dice, &self.plan.rates, nobody, (TenderType::Cash, amount, direction));
        for tender in &mut draft.body.tenders {
            tender.amount_minor = amount;
            tender.change_minor = 0;
        }
        Ok(draft)
    }

    /// An item of a sale is rung twice and the second taken off; the basket stays what it was.
    pub(crate) fn void_a_line(&mut self, draft: &mut Draft) {
        let rung: Vec<Line> = draft.body.lines.iter().filter(|line| line.action == Action::Sale).cloned().collect();
        let Some(twice) = self.dice.pick(&rung) else { return };
        let (at, mut again, mut void) = (last_line(draft), twice.clone(), twice.clone());
        again.line_no = line_number(&draft.body.lines);
        draft.body.lines.push(again.clone());
        void.line_no = line_number(&draft.body.lines);
        void.action = Action::Void;
        void.voids_line_no = Some(again.line_no);
        draft.body.lines.push(void);
        draft.line_at.extend([at + 2, at + 7]);
    }

    /// The panel's own discount on one line is given by hand and approved, if it is below a quarter. Says whether.
    pub(crate) fn override_a_price(&mut self, draft: &mut Draft) -> bool {
        let approver = self.approver(Role::Supervisor);
        let reduced = draft.body.lines.iter_mut().find(|line| {
            line.qty_milli == 1_000
                && line.discount_minor > 0
                && line.discount_minor * 4 < line.extended_minor + line.discount_minor
        });
        let Some(line) = reduced else { return false };
        line.unit_price_minor = Some(line.extended_minor);
        line.regular_price_minor = Some(line.extended_minor + line.discount_minor);
        line.discount_minor = 0;
        line.price_override =
            Some(PriceOverride { reason: Some("PRICE_MATCH".to_owned()), approver_id: approver.clone() });
        draft.body.supervisor_id = approver;
        true
    }

    /// Any basket, in the order of the panel from a place drawn at random, that fits.
    pub(crate) fn find(&mut self, wanted: &'static str, fits: impl Fn(&[Line]) -> bool) -> Result<Basket> {
        let baskets = self.panel.baskets();
        let count = u32::try_from(baskets.len()).unwrap_or(u32::MAX);
        let from = usize::try_from(self.dice.below(count)).unwrap_or(0);
        let (before, after) = baskets.split_at(from.min(baskets.len()));
        let found = after.iter().chain(before).find(|basket| fits(&self.panel.lines(basket)));
        found.copied().ok_or(Error::NoBasket { wanted })
    }

    /// Settles what is due for the lines of a sale.
    pub(crate) fn settle(&mut self, draft: &mut Draft, basket: &Basket, how: Option<TenderType>) {
        let due = basket_total(&draft.body.lines);
        total(&mut draft.body, due);
        draft.body.item_count = items(&draft.body.lines);
        let how = how.unwrap_or_else(|| pay::choose(&mut self.dice, &self.plan.rates));
        self.tender(draft, basket, (how, due, Direction::In));
    }

    /// Somebody who may approve.
    pub(crate) fn approver(&mut self, role: Role) -> Option<tillsight_schemas::id::OperatorId> {
        let people: Vec<_> = self.plan.with_role(role).collect();
        self.dice.pick(&people).map(|id| (*id).clone())
    }

    fn tender(&mut self, draft: &mut Draft, basket: &Basket, what: (TenderType, i64, Direction)) {
        let whose = (&self.plan.store.tenant, basket.household);
        draft.body.tenders = pay::pay(&mut self.dice, &self.plan.rates, whose, what);
    }

    /// Says how and when each line was entered, and when the receipt came.
    fn enter(&mut self, draft: &mut Draft) {
        let rates = self.plan.rates;
        let span = |low: u32, high: u32| (i64::from(low), i64::from(high));
        let (low, high) = span(rates.greet_seconds_min, rates.greet_seconds_max);
        let mut at = self.dice.between(low, high);
        draft.line_at.clear();
        for line in &mut draft.body.lines {
            let (low, high) = span(rates.scan_seconds_min, rates.scan_seconds_max);
            at += self.dice.between(low, high);
            draft.line_at.push(at);
            line.entry = Some(match line.department.as_deref() {
                _ if self.dice.chance(rates.keyed) => Entry::Keyed,
                Some("FUEL") => Entry::Auto,
                Some("PRODUCE") => Entry::Lookup,
                Some("SALAD BAR" | "CHEF SHOPPE") => Entry::Weighed,
                _ => Entry::Scanned,
            });
        }
        let (low, high) = span(rates.pay_seconds_min, rates.pay_seconds_max);
        draft.end = at + self.dice.between(low, high);
    }

    /// Keeps the first lines of a sale that was not completed.
    fn keep_some(&mut self, draft: &mut Draft) {
        let rung = i64::try_from(draft.body.lines.len()).unwrap_or(1).min(8);
        let kept = usize::try_from(self.dice.between(1, rung.max(1))).unwrap_or(1);
        draft.body.lines.truncate(kept);
        draft.line_at.truncate(kept);
        draft.body.tenders.clear();
        draft.basket = None;
        let due = basket_total(&draft.body.lines);
        total(&mut draft.body, due);
        draft.body.item_count = items(&draft.body.lines);
        draft.end = last_line(draft) + self.dice.between(5, 20);
    }
}

/// Whether an item can be brought back: a whole number of pieces that cost something, no fuel.
pub(crate) fn returnable(line: &Line) -> bool {
    line.action == Action::Sale
        && line.extended_minor > 0
        && (1_000..=1_000_000).contains(&line.qty_milli)
        && line.department.as_deref() != Some("FUEL")
}

/// With a customer in front of the till for as long as it takes.
pub(crate) fn attended(mut draft: Draft) -> Draft {
    draft.seen = vec![((draft.begin - LEAD) * 1_000, (draft.end + TAIL) * 1_000, Zone::Occupied)];
    draft
}

fn total(body: &mut Transaction, due: i64) {
    let goods = body.lines.iter().filter(|line| matches!(line.action, Action::Sale | Action::Return));
    body.gross_minor = Some(goods.map(|line| line.extended_minor + line.discount_minor).sum());
    body.net_minor = Some(due);
    body.total_minor = Some(due);
}

fn items(lines: &[Line]) -> Option<i32> {
    i32::try_from(lines.iter().filter(|line| line.action == Action::Sale).count()).ok()
}

fn last_line(draft: &Draft) -> i64 {
    draft.line_at.last().copied().unwrap_or(draft.begin)
}
