//! Reads the panel's Parquet files.
//!
//! The files are those of the Python package, unchanged: money as double (always whole cents), times as INT96.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use chrono::DateTime;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::{BasketLine, Gathering, Panel, Product, Row};
use crate::{Error, Result};

/// Where the set-up puts the files, below its cache folder.
pub const FOLDER: &str = "data/completejourney/0.1.0";

const TRANSACTIONS: &[&str] = &[
    "household_id",
    "store_id",
    "basket_id",
    "product_id",
    "quantity",
    "sales_value",
    "retail_disc",
    "coupon_disc",
    "coupon_match_disc",
    "transaction_timestamp",
];
const PRODUCTS: &[&str] = &["product_id", "department", "product_category", "product_type", "package_size"];

/// Loads the panel from the folder that holds `transactions.parquet` and `products.parquet`.
///
/// # Errors
/// A file or column is missing, damaged, or holds what the model cannot.
pub fn load(folder: &Path) -> Result<Panel> {
    let mut catalogue = products(&folder.join("products.parquet"))?;
    let path = folder.join("transactions.parquet");
    let mut gathering = Gathering::default();
    let mut first_row = 0;
    for batch in open(&path, TRANSACTIONS)? {
        let batch = batch.map_err(|source| Error::Read { path: path.clone(), source: Box::new(source) })?;
        gather(&Columns { path: &path, batch: &batch, first_row }, &mut catalogue, &mut gathering)?;
        first_row += batch.num_rows();
    }
    gathering.finish(catalogue.products)
}

/// The products, and the place of each id among them.
#[derive(Debug, Default)]
struct Catalogue {
    products: Vec<Product>,
    places: HashMap<i64, u32>,
}

impl Catalogue {
    fn add(&mut self, product: Product) -> u32 {
        let place = u32::try_from(self.products.len()).unwrap_or(u32::MAX);
        self.places.insert(product.id, place);
        self.products.push(product);
        place
    }

    /// The place of a product; 4 836 lines name one that the catalogue lacks, which then has neither name nor department.
    fn place(&mut self, id: i64) -> u32 {
        let known = self.places.get(&id).copied();
        known.unwrap_or_else(|| self.add(Product { id, description: None, department: None }))
    }
}

fn open(path: &Path, columns: &'static [&'static str]) -> Result<ParquetRecordBatchReader> {
    let file = File::open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => Error::MissingFile { path: path.to_owned() },
        _ => Error::Open { path: path.to_owned(), source },
    })?;
    let damaged = |source: parquet::errors::ParquetError| Error::Read { path: path.to_owned(), source: source.into() };
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)?;
    for &column in columns {
        if builder.schema().field_with_name(column).is_err() {
            return Err(Error::MissingColumn { path: path.to_owned(), column });
        }
    }
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    builder.with_projection(mask).with_batch_size(32_768).build().map_err(damaged)
}

fn products(path: &Path) -> Result<Catalogue> {
    let mut catalogue = Catalogue::default();
    for batch in open(path, PRODUCTS)? {
        let batch = batch.map_err(|source| Error::Read { path: path.to_owned(), source: Box::new(source) })?;
        let file = Columns { path, batch: &batch, first_row: catalogue.products.len() };
        let ids = file.column("product_id", &DataType::Int64)?;
        let [department, category, kind, size] = [
            file.column("department", &DataType::Utf8)?,
            file.column("product_category", &DataType::Utf8)?,
            file.column("product_type", &DataType::Utf8)?,
            file.column("package_size", &DataType::Utf8)?,
        ];
        for row in 0..batch.num_rows() {
            let text =
                |column: &ArrayRef| column.is_valid(row).then(|| column.as_string::<i32>().value(row).to_owned());
            let name = text(&kind).or_else(|| text(&category)).or_else(|| text(&department));
            let description = match (name, text(&size)) {
                (Some(name), Some(size)) => Some(format!("{name} {size}")),
                (name, _) => name,
            };
            let id = file.whole(&ids, "product_id", row)?;
            catalogue.add(Product { id, description, department: text(&department) });
        }
    }
    Ok(catalogue)
}

fn gather(file: &Columns<'_>, catalogue: &mut Catalogue, gathering: &mut Gathering) -> Result<()> {
    let whole = |name| file.column(name, &DataType::Int64);
    let money = |name| file.column(name, &DataType::Float64);
    let (households, stores, baskets) = (whole("household_id")?, whole("store_id")?, whole("basket_id")?);
    let (product_ids, quantities) = (whole("product_id")?, whole("quantity")?);
    let (sales, retail) = (money("sales_value")?, money("retail_disc")?);
    let (coupons, matches) = (money("coupon_disc")?, money("coupon_match_disc")?);
    let times = file.column("transaction_timestamp", &DataType::Timestamp(TimeUnit::Microsecond, None))?;
    for row in 0..file.batch.num_rows() {
        let at = times.is_valid(row).then(|| times.as_primitive::<TimestampMicrosecondType>().value(row));
        let at = at.and_then(DateTime::from_timestamp_micros);
        let quantity = file.whole(&quantities, "quantity", row)?;
        gathering.add(&Row {
            basket: file.whole(&baskets, "basket_id", row)?,
            household: file.whole(&households, "household_id", row)?,
            store: file.whole(&stores, "store_id", row)?,
            at: at.ok_or_else(|| file.bad("transaction_timestamp", row, "is not a time"))?,
            line: BasketLine {
                product: catalogue.place(file.whole(&product_ids, "product_id", row)?),
                quantity: i32::try_from(quantity).map_err(|_| file.bad("quantity", row, "is out of range"))?,
                sales_minor: file.cents(&sales, "sales_value", row)?,
                retail_discount_minor: file.cents(&retail, "retail_disc", row)?,
                coupon_minor: file.cents(&coupons, "coupon_disc", row)?,
                coupon_match_minor: file.cents(&matches, "coupon_match_disc", row)?,
            },
        });
    }
    Ok(())
}

/// A batch, with what an error message needs.
struct Columns<'a> {
    path: &'a Path,
    batch: &'a RecordBatch,
    first_row: usize,
}

impl Columns<'_> {
    fn column(&self, name: &'static str, data_type: &DataType) -> Result<ArrayRef> {
        let path = || PathBuf::from(self.path);
        let column =
            self.batch.column_by_name(name).ok_or_else(|| Error::MissingColumn { path: path(), column: name })?;
        cast(column, data_type).map_err(|source| Error::Read { path: path(), source: Box::new(source) })
    }

    fn bad(&self, column: &'static str, row: usize, problem: &'static str) -> Error {
        Error::Value { path: self.path.to_owned(), row: self.first_row + row, column, problem }
    }

    fn whole(&self, values: &ArrayRef, column: &'static str, row: usize) -> Result<i64> {
        if values.is_null(row) {
            return Err(self.bad(column, row, "is missing"));
        }
        Ok(values.as_primitive::<Int64Type>().value(row))
    }

    /// Dollars as cents. The data set has whole cents only; anything else would be a value that we changed.
    fn cents(&self, values: &ArrayRef, column: &'static str, row: usize) -> Result<i32> {
        if values.is_null(row) {
            return Err(self.bad(column, row, "is missing"));
        }
        let exact = values.as_primitive::<Float64Type>().value(row) * 100.0;
        let rounded = exact.round();
        if (exact - rounded).abs() > 1e-4 || !(0.0..=f64::from(i32::MAX)).contains(&rounded) {
            return Err(self.bad(column, row, "is not a whole, non-negative number of cents"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "a whole number, and its range was checked above")]
        Ok(rounded as i32)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
    use parquet::arrow::ArrowWriter;
    use tillsight_schemas::pos::Action;

    use super::*;
    use crate::journey::basket_total;

    fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    fn products(folder: &Path) {
        let text = |values: [Option<&str>; 2]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
        write(
            &folder.join("products.parquet"),
            vec![
                ("product_id", Arc::new(Int64Array::from(vec![11, 22]))),
                ("department", text([Some("GROCERY"), Some("FUEL")])),
                ("product_category", text([Some("BREAD"), None])),
                ("product_type", text([Some("RYE"), None])),
                ("package_size", text([Some("20 OZ"), None])),
            ],
        );
    }

    fn transactions(folder: &Path, sales: [f64; 3], without: &str) {
        let whole = |values: [i64; 3]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
        let money = |values: [f64; 3]| Arc::new(Float64Array::from(values.to_vec())) as ArrayRef;
        let second = 1_000_000;
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("household_id", whole([900, 901, 900])),
            ("store_id", whole([330, 330, 330])),
            ("basket_id", whole([5, 6, 5])),
            ("product_id", whole([11, 22, 22])),
            ("quantity", whole([2, 8725, 0])),
            ("sales_value", money(sales)),
            ("retail_disc", money([0.5, 0.01, 0.0])),
            ("coupon_disc", money([3.0, 0.0, 0.0])),
            ("coupon_match_disc", money([0.25, 0.0, 0.0])),
            ("transaction_timestamp", Arc::new(TimestampMicrosecondArray::from(vec![second, 2 * second, second]))),
        ];
        let columns = columns.into_iter().filter(|(name, _)| *name != without).collect();
        write(&folder.join("transactions.parquet"), columns);
    }

    fn folder(sales: [f64; 3], without: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        products(folder.path());
        transactions(folder.path(), sales, without);
        folder
    }

    #[test]
    fn lines_are_grouped_by_basket_and_keep_their_traps() {
        let folder = folder([2.49, 20.06, 0.0], "");
        let panel = load(folder.path()).unwrap();
        assert_eq!(panel.baskets().iter().map(|basket| basket.id).collect::<Vec<_>>(), [5, 6]);
        let bread = &panel.baskets()[0];
        assert_eq!(panel.contents(bread).iter().map(|line| line.quantity).collect::<Vec<_>>(), [2, 0]);
        let lines = panel.lines(bread);
        assert_eq!(
            lines.iter().map(|line| line.action).collect::<Vec<_>>(),
            [Action::Sale, Action::Coupon, Action::Sale]
        );
        assert_eq!((lines[0].extended_minor, lines[0].discount_minor), (249, 75));
        assert_eq!((lines[0].unit_price_minor, lines[0].regular_price_minor), (Some(162), Some(162)));
        assert_eq!(lines[0].description.as_deref(), Some("RYE 20 OZ"));
        assert_eq!((lines[1].extended_minor, lines[2].qty_milli), (300, 0));
        assert_eq!(basket_total(&lines), 0, "a coupon worth more than the goods pays nothing back");
        let fuel = panel.lines(&panel.baskets()[1]);
        assert_eq!((fuel[0].qty_milli, fuel[0].unit_price_minor), (8_725_000, None));
    }

    #[test]
    fn an_empty_folder_says_what_to_run() {
        let folder = tempfile::tempdir().unwrap();
        let error = load(folder.path()).unwrap_err();
        assert!(matches!(error, Error::MissingFile { .. }));
        assert!(error.to_string().contains("run deploy/setup.sh"), "{error}");
    }

    #[test]
    fn a_missing_column_is_named() {
        let folder = folder([2.49, 20.06, 0.0], "coupon_disc");
        let error = load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("coupon_disc") && error.contains("run deploy/setup.sh"), "{error}");
    }

    #[test]
    fn a_fraction_of_a_cent_is_refused_with_its_row() {
        let folder = folder([2.49, 20.06, 0.005], "");
        let error = load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("row 2: sales_value"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_parquet_is_said_to_be_damaged() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("products.parquet"), "html").unwrap();
        assert!(matches!(load(folder.path()), Err(Error::Read { .. })));
    }
}
