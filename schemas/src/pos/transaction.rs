//! [`Transaction`]: one POS event as the till reports it; [`PostedTransaction`]: the same, accepted.

use chrono::NaiveDate;
use uuid::Uuid;

use super::{Header, Line, Tender};
use crate::id::{OperatorId, RegisterId, StoreId};
use crate::money::Currency;
use crate::{codes, record};

codes! {
    /// What kind of event a POS transaction is (ARTS Retail, Control and `TenderControl` transactions in one list).
    pub enum Kind {
        /// Goods against money.
        Sale = "SALE",
        /// Money back for goods (a refund).
        Return = "RETURN",
        /// Goods for goods.
        Exchange = "EXCHANGE",
        /// Given up before it was complete (ARTS `CancelFlag`).
        Cancel = "CANCEL",
        /// A completed transaction undone (ARTS `PostVoid`).
        PostVoid = "POST_VOID",
        /// Parked.
        Suspend = "SUSPEND",
        /// A parked one taken up again.
        Retrieve = "RETRIEVE",
        /// The drawer opened without a sale (ARTS `NoSale`).
        NoSale = "NO_SALE",
        /// Change brought to the till.
        Loan = "LOAN",
        /// Money taken from the till to the safe.
        Pickup = "PICKUP",
        /// Money put in for another reason.
        PaidIn = "PAID_IN",
        /// Money taken out for another reason.
        PaidOut = "PAID_OUT",
        /// Money dropped into the safe.
        SafeDrop = "SAFE_DROP",
        /// Money sent to the bank.
        Deposit = "DEPOSIT",
        /// Money counted.
        Declare = "DECLARE",
        /// The till balanced.
        TillSettle = "TILL_SETTLE",
        /// An operator signed on.
        SignOn = "SIGN_ON",
        /// An operator signed off.
        SignOff = "SIGN_OFF",
        /// A break begins or ends.
        Break = "BREAK",
        /// The register opened for the day.
        Open = "OPEN",
        /// The register closed for the day.
        Close = "CLOSE",
        /// A supervisor allowed something.
        Override = "OVERRIDE",
        /// A receipt printed again.
        Reprint = "REPRINT",
        /// A price looked up.
        PriceCheck = "PRICE_CHECK",
        /// The age of a customer checked.
        AgeCheck = "AGE_CHECK",
        /// A code that the till does not know.
        ItemNotFound = "ITEM_NOT_FOUND",
        /// Anything else; `kind_raw` keeps the till's own word.
        Other = "OTHER",
    }
}

record! {
    /// Which software a record came from.
    pub struct Source {
        /// The adapter that made the record, e.g. `json`, `poslog`, `escpos`.
        adapter: String,
        /// The vendor of the till's software.
        vendor: Option<String>,
        /// Its version.
        version: Option<String>,
        /// Where in its source the record stood (file hash and offset, capture position, webhook id). Part of the identity of a record that has no `sequence_no`.
        position: Option<String>,
    }

    /// The transaction that another one refers to (a return, a post-void, a retrieved one).
    pub struct TransactionRef {
        /// Its id, if the till knows it.
        event_id: Option<Uuid>,
        /// Its business day.
        business_day: Option<NaiveDate>,
        /// Its register.
        register_id: Option<RegisterId>,
        /// Its sequence number.
        sequence_no: Option<i64>,
        /// Its receipt number.
        receipt_no: Option<String>,
    }

    /// One event at a till, as the till reports it. Amounts are non-negative minor units (cents); what they do is said by `kind`, `action` and `direction`.
    pub struct Transaction {
        /// The store (ARTS `RetailStoreID`).
        store_id: StoreId,
        /// The till or lane (ARTS `WorkstationID`).
        register_id: RegisterId,
        /// The day the store books it on (ARTS `BusinessDayDate`); the store's local date of the event when the till does not say.
        business_day: Option<NaiveDate>,
        /// What happened.
        kind: Kind,
        /// The till's own word for it.
        kind_raw: Option<String>,
        /// The till's running number (ARTS `SequenceNumber`). It restarts with the business day and the operator.
        sequence_no: Option<i64>,
        /// Who worked the till.
        operator_id: Option<OperatorId>,
        /// Who approved it.
        supervisor_id: Option<OperatorId>,
        /// When it completed, exactly as the till writes it: `2026-11-22T14:03:22`, with or without offset; without one it is the store's local time.
        event_time_raw: String,
        /// When it began, in the same form.
        begin_time_raw: Option<String>,
        /// 0 for corrections' originals; a correction repeats the record with a higher number.
        @default revision: i32,
        /// The event that this correction replaces, when its natural key changed.
        replaces: Option<Uuid>,
        /// ISO 4217 code of all amounts; the store's currency when the till does not say.
        currency: Option<Currency>,
        /// Goods before discounts and tax, in minor units.
        gross_minor: Option<i64>,
        /// After discounts, before tax, in minor units.
        net_minor: Option<i64>,
        /// Tax, in minor units.
        tax_minor: Option<i64>,
        /// What the customer pays or gets back, in minor units.
        total_minor: Option<i64>,
        /// How many items.
        item_count: Option<i32>,
        /// The transaction it refers to.
        reference: Option<TransactionRef>,
        /// The number printed on the receipt.
        receipt_no: Option<String>,
        /// A keyed hash that stands for a customer; never a name or card number.
        customer_token: Option<String>,
        /// Rung in training mode.
        @default training: bool,
        /// Sent by a test set-up.
        @default test: bool,
        /// The items.
        @default lines: Vec<Line>,
        /// The payments.
        @default tenders: Vec<Tender>,
        /// The receipt as printed.
        receipt_text: Option<String>,
        /// Which software it came from.
        source: Option<Source>,
    }

    /// A transaction that ingest accepted. One row of `pos.transactions`.
    pub struct PostedTransaction {
        /// What ingest found out.
        @flatten header: Header,
        /// What the till said.
        @flatten transaction: Transaction,
    }
}
