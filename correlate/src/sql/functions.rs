//! The functions behind the views: amounts as decimal numbers, instants as the store's wall time.
//!
//! They never fail: what cannot be said (an unknown zone, an amount beyond 18 digits) is null, and the column it was
//! made from stands beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array, StringBuilder, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use tillsight_schemas::money::Currency;
use tillsight_schemas::store::Store;

/// The digits of an amount.
const PRECISION: u8 = 18;

/// `money(minor, currency)`: the amount in units of the currency.
pub(super) fn money(scale: i8) -> ScalarUDF {
    ScalarUDF::from(Money { scale, signature: Signature::any(2, Volatility::Immutable) })
}

/// `local_time(instant, tz)`: what the clocks of the zone show.
pub(super) fn local_time() -> ScalarUDF {
    ScalarUDF::from(LocalTime { signature: Signature::any(2, Volatility::Immutable) })
}

/// `thousandths(n)`: a quantity of which `n` is the thousandfold.
pub(super) fn thousandths() -> ScalarUDF {
    ScalarUDF::from(Parts { name: "thousandths", scale: 3, signature: Signature::any(1, Volatility::Immutable) })
}

/// `millionths(n)`: seconds of which `n` are the microseconds.
pub(super) fn millionths() -> ScalarUDF {
    ScalarUDF::from(Parts { name: "millionths", scale: 6, signature: Signature::any(1, Volatility::Immutable) })
}

/// `store_zone(tenant, store)`: the time zone of a store among these; null for any other.
pub(super) fn store_zone<'a>(stores: impl Iterator<Item = &'a Store>) -> ScalarUDF {
    let zones = stores.map(|store| ((store.tenant.to_string(), store.id.to_string()), store.tz.name())).collect();
    ScalarUDF::from(StoreZone { zones, signature: Signature::any(2, Volatility::Immutable) })
}

/// The scale that shows amounts of all these currencies exactly: 2, or more if one of them has smaller units.
pub(super) fn scale<'a>(currencies: impl Iterator<Item = &'a Currency>) -> i8 {
    let digits = currencies.map(Currency::exponent).max().unwrap_or(2).max(2);
    i8::try_from(digits).unwrap_or(2)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Money {
    scale: i8,
    signature: Signature,
}

impl ScalarUDFImpl for Money {
    fn name(&self) -> &'static str {
        "money"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Decimal128(PRECISION, self.scale))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [minor, currency] = &ColumnarValue::values_to_arrays(&args.args)?[..] else {
            return exec_err!("money takes an amount in minor units and a currency");
        };
        let (Some(minor), Some(currency)) = (minor.as_primitive_opt::<Int64Type>(), currency.as_string_opt::<i32>())
        else {
            return exec_err!("money takes an amount in minor units (bigint) and a currency (text)");
        };
        let units = |currency: Option<&str>| {
            let exponent = currency.and_then(|code| Currency::new(code).ok()).map_or(2, |code| code.exponent());
            let shift = u32::try_from(self.scale).ok()?.checked_sub(exponent)?;
            10_i128.checked_pow(shift)
        };
        // Neighbouring rows have the same currency: it is looked up when it changes.
        let mut last: Option<(Option<&str>, Option<i128>)> = None;
        let amounts = minor.iter().zip(currency.iter()).map(|(minor, currency)| {
            let units = match last {
                Some((known, units)) if known == currency => units,
                _ => last.insert((currency, units(currency))).1,
            };
            fits(i128::from(minor?).checked_mul(units?)?)
        });
        decimals(amounts.collect(), self.scale)
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct StoreZone {
    zones: BTreeMap<(String, String), &'static str>,
    signature: Signature,
}

impl ScalarUDFImpl for StoreZone {
    fn name(&self) -> &'static str {
        "store_zone"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [tenants, stores] = &ColumnarValue::values_to_arrays(&args.args)?[..] else {
            return exec_err!("store_zone takes a tenant and a store");
        };
        let (Some(tenants), Some(stores)) = (tenants.as_string_opt::<i32>(), stores.as_string_opt::<i32>()) else {
            return exec_err!("store_zone takes a tenant (text) and a store (text)");
        };
        // Neighbouring rows are of one store: it is looked up when it changes.
        let mut last: Option<((&str, &str), Option<&'static str>)> = None;
        let zone = |row: (Option<&'_ str>, Option<&'_ str>)| -> Option<&'static str> {
            self.zones.get(&(row.0?.to_owned(), row.1?.to_owned())).copied()
        };
        let mut zones = StringBuilder::new();
        for (tenant, store) in tenants.iter().zip(stores.iter()) {
            let key = (tenant.unwrap_or_default(), store.unwrap_or_default());
            let found = match last {
                Some((known, found)) if known == key => found,
                _ => zone((tenant, store)),
            };
            last = Some((key, found));
            zones.append_option(found);
        }
        Ok(ColumnarValue::Array(Arc::new(zones.finish())))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Parts {
    name: &'static str,
    scale: i8,
    signature: Signature,
}

impl ScalarUDFImpl for Parts {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Decimal128(PRECISION, self.scale))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let Some(parts) = arrays.first().and_then(|parts| parts.as_primitive_opt::<Int64Type>()) else {
            return exec_err!("{} takes a bigint", self.name);
        };
        decimals(parts.iter().map(|parts| fits(i128::from(parts?))).collect(), self.scale)
    }
}

fn fits(amount: i128) -> Option<i128> {
    (amount.unsigned_abs() < 10_u128.pow(u32::from(PRECISION))).then_some(amount)
}

fn decimals(amounts: Decimal128Array, scale: i8) -> Result<ColumnarValue> {
    Ok(ColumnarValue::Array(Arc::new(amounts.with_precision_and_scale(PRECISION, scale)?)))
}

/// Six hours in microseconds: no zone has changed its clocks there and back within them.
const HOURS: i64 = 6 * 3_600 * 1_000_000;

/// Six hours in a zone.
#[derive(Debug, Clone, Copy)]
struct Hours {
    tz: Tz,
    begin: i64,
    /// The zone's offset in microseconds; none when it changes within the hours.
    offset: Option<i64>,
}

impl Hours {
    fn of(tz: Tz, micros: i64) -> Option<Self> {
        let begin = micros.div_euclid(HOURS);
        let first = offset_at(tz, begin.checked_mul(HOURS)?)?;
        let last = offset_at(tz, begin.checked_mul(HOURS)?.checked_add(HOURS - 1)?)?;
        Some(Self { tz, begin, offset: (first == last).then_some(first) })
    }
}

/// The offset of a zone at an instant, in microseconds.
fn offset_at(tz: Tz, micros: i64) -> Option<i64> {
    let utc = DateTime::from_timestamp_micros(micros)?;
    Some(i64::from(tz.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc()) * 1_000_000)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct LocalTime {
    signature: Signature,
}

impl ScalarUDFImpl for LocalTime {
    fn name(&self) -> &'static str {
        "local_time"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Timestamp(TimeUnit::Microsecond, None))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [instants, zones] = &ColumnarValue::values_to_arrays(&args.args)?[..] else {
            return exec_err!("local_time takes an instant and the name of a zone");
        };
        let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let instants = arrow::compute::cast(instants, &micros)?;
        let (Some(instants), Some(zones)) =
            (instants.as_primitive_opt::<TimestampMicrosecondType>(), zones.as_string_opt::<i32>())
        else {
            return exec_err!("local_time takes an instant (timestamptz) and the name of a zone (text)");
        };
        // Neighbouring rows have the same zone and are of the same hours: both are looked up when they change.
        let mut last: Option<(&str, Option<Tz>)> = None;
        let mut hours: Option<Hours> = None;
        let mut local = TimestampMicrosecondArray::builder(instants.len());
        for (instant, zone) in instants.iter().zip(zones.iter()) {
            let tz = zone.and_then(|name| match last {
                Some((known, tz)) if known == name => tz,
                _ => last.insert((name, name.parse().ok())).1,
            });
            local.append_option(instant.zip(tz).and_then(|(micros, tz)| {
                let offset = match hours {
                    Some(hours) if hours.tz == tz && hours.begin == micros.div_euclid(HOURS) => hours.offset,
                    _ => hours.insert(Hours::of(tz, micros)?).offset,
                };
                micros.checked_add(offset.map_or_else(|| offset_at(tz, micros), Some)?)
            }));
        }
        let local: ArrayRef = Arc::new(local.finish());
        Ok(ColumnarValue::Array(local))
    }
}
