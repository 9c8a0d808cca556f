//! [`Tender`]: one payment of a transaction. Card numbers are masked before a record is stored anywhere.

use crate::{codes, record};

codes! {
    /// With what was paid.
    pub enum TenderType {
        /// Notes and coins.
        Cash = "CASH",
        /// A credit card.
        Credit = "CREDIT",
        /// A debit card.
        Debit = "DEBIT",
        /// A gift card.
        Gift = "GIFT",
        /// A cheque.
        Check = "CHECK",
        /// A credit note of the shop.
        StoreCredit = "STORE_CREDIT",
        /// A coupon that counts as money.
        Coupon = "COUPON",
        /// A wallet or phone.
        Mobile = "MOBILE",
        /// Anything else.
        Other = "OTHER",
    }

    /// Which way the money goes, seen from the till.
    pub enum Direction {
        /// Into the till.
        In = "IN",
        /// Out of the till.
        Out = "OUT",
        /// Neither.
        None = "NONE",
    }
}

record! {
    /// One payment.
    pub struct Tender {
        /// Its number within the transaction, from 1.
        tender_no: i32,
        /// With what.
        tender_type: TenderType,
        /// How much, in minor units.
        amount_minor: i64,
        /// Which way.
        direction: Direction,
        /// Change given back, in minor units.
        @default change_minor: i64,
        /// First six and last four digits of the card at most.
        pan_masked: Option<String>,
        /// A token that stands for the card.
        card_token: Option<String>,
        /// How the card was read.
        entry_mode: Option<String>,
        /// System trace audit number (ISO 8583 data element 11).
        stan: Option<String>,
        /// Retrieval reference number (data element 37).
        rrn: Option<String>,
        /// Authorisation code (data element 38).
        auth_code: Option<String>,
        /// Response code (data element 39).
        response: Option<String>,
        /// Card terminal (data element 41).
        terminal_id: Option<String>,
        /// Authorised without a connection.
        @default offline: bool,
    }
}
