//! Functions that clients ask PostgreSQL's catalogue with.
//!
//! None of them fails but the casts of a name that does not exist. What there is nothing to say about (the text of an
//! index, of a function, of a view) is null, as PostgreSQL says of an object that it does not know.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, Int32Builder, StringArray};
use arrow::datatypes::{DataType, Field, Int32Type};
use datafusion::common::{exec_datafusion_err, exec_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;

use super::super::settings::Settings;
use super::lists::{numbered, numbered_fields, patterns, schemas, subscripts, type_names, words};
use super::{Names, types};

/// Functions whose answer is always yes: everything that a login can see is visible and may be read.
const YES: &[&str] = &[
    "pg_collation_is_visible",
    "pg_conversion_is_visible",
    "pg_function_is_visible",
    "pg_opclass_is_visible",
    "pg_operator_is_visible",
    "pg_type_is_visible",
    "pg_relation_is_publishable",
    "pg_table_is_visible",
    "has_any_column_privilege",
    "has_column_privilege",
    "has_database_privilege",
    "has_schema_privilege",
    "has_sequence_privilege",
    "has_table_privilege",
    "has_tablespace_privilege",
    "has_function_privilege",
    "has_language_privilege",
    "has_type_privilege",
    "pg_has_role",
];

/// Functions that tell the text of something of which there is nothing here.
const NOTHING: &[&str] = &[
    "pg_advisory_unlock_all",
    "pg_get_constraintdef",
    "pg_get_expr",
    "pg_get_partkeydef",
    "pg_get_statisticsobjdef_columns",
    "pg_get_function_arguments",
    "pg_get_function_arg_default",
    "pg_get_function_identity_arguments",
    "pg_get_function_result",
    "pg_get_functiondef",
    "pg_get_indexdef",
    "pg_get_ruledef",
    "pg_get_serial_sequence",
    "pg_get_triggerdef",
    "pg_get_viewdef",
    "pg_size_pretty",
    "pg_tablespace_location",
    "shobj_description",
];

/// Adds the functions to a session.
pub(super) fn register(context: &SessionContext, user: &str, names: &Arc<Names>, settings: &Arc<Mutex<Settings>>) {
    let version = format!("PostgreSQL {} on {}", super::server_version(), std::env::consts::ARCH);
    let schema = tillsight_correlate::sql::DEFAULT_SCHEMA;
    let mut constants = vec![
        ("version", ScalarValue::from(version)),
        ("current_schema", ScalarValue::from(schema)),
        ("pg_my_temp_schema", ScalarValue::Int32(Some(0))),
        ("pg_stat_get_numscans", ScalarValue::Int64(Some(0))),
        ("pg_is_in_recovery", ScalarValue::Boolean(Some(false))),
        ("pg_is_other_temp_schema", ScalarValue::Boolean(Some(false))),
    ];
    let sizes = ["pg_database_size", "pg_indexes_size", "pg_relation_size", "pg_table_size", "pg_total_relation_size"];
    constants.extend(sizes.map(|name| (name, ScalarValue::Int64(None))));
    let of_user = ["current_user", "session_user", "user", "current_role", "pg_get_userbyid"];
    constants.extend(of_user.map(|name| (name, ScalarValue::from(user))));
    constants.extend(YES.iter().map(|name| (*name, ScalarValue::Boolean(Some(true)))));
    constants.extend(NOTHING.iter().map(|name| (*name, ScalarValue::Utf8(None))));
    for (name, value) in constants {
        context.register_udf(constant(name, value));
    }
    for asks in Asks::ALL {
        let answer = Answer {
            asks,
            names: Arc::clone(names),
            settings: Arc::clone(settings),
            signature: Signature::new(
                TypeSignature::OneOf(vec![TypeSignature::Nullary, TypeSignature::VariadicAny]),
                Volatility::Stable,
            ),
        };
        context.register_udf(ScalarUDF::from(answer));
    }
}

/// A function that always says the same, whatever it is asked.
fn constant(name: &'static str, value: ScalarValue) -> ScalarUDF {
    ScalarUDF::from(Constant {
        name,
        value,
        signature: Signature::one_of(vec![TypeSignature::Nullary, TypeSignature::VariadicAny], Volatility::Stable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Constant {
    name: &'static str,
    value: ScalarValue,
    signature: Signature,
}

impl ScalarUDFImpl for Constant {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.value.data_type())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}

/// What a function is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Asks {
    /// `regclass(name)`: the id of a relation; a name that does not exist is an error.
    Class,
    /// `to_regclass(name)`: the same, or null.
    MaybeClass,
    /// `regnamespace(name)`.
    Namespace,
    /// `to_regnamespace(name)`.
    MaybeNamespace,
    /// `regtype(name)`.
    Type,
    /// `to_regtype(name)`.
    MaybeType,
    /// `regclass_name(id)`.
    ClassName,
    /// `regnamespace_name(id)`.
    NamespaceName,
    /// `regtype_name(id)`.
    TypeName,
    /// `regtype_names(ids)`.
    TypeNames,
    /// `obj_description(id [, catalogue])`.
    Description,
    /// `col_description(id, column)`.
    ColumnDescription,
    /// `current_setting(name [, missing_ok])`.
    Setting,
    /// `current_schemas(implicit)`.
    Schemas,
    /// `subscripts(list [, dimension])`: the numbers of the places of a list.
    Subscripts,
    /// `numbered(list)`: the items of a list, each with its number.
    Numbered,
    /// `like_pattern(pattern, escape)`: the pattern with a backslash for its escape.
    Pattern,
    /// `regexp_split_to_array(text, pattern)`, for words: what is between runs of other characters.
    Words,
}

impl Asks {
    const ALL: [Self; 18] = [
        Self::Class,
        Self::MaybeClass,
        Self::Namespace,
        Self::MaybeNamespace,
        Self::Type,
        Self::MaybeType,
        Self::ClassName,
        Self::NamespaceName,
        Self::TypeName,
        Self::TypeNames,
        Self::Description,
        Self::ColumnDescription,
        Self::Setting,
        Self::Schemas,
        Self::Subscripts,
        Self::Numbered,
        Self::Pattern,
        Self::Words,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Class => "regclass",
            Self::MaybeClass => "to_regclass",
            Self::Namespace => "regnamespace",
            Self::MaybeNamespace => "to_regnamespace",
            Self::Type => "regtype",
            Self::MaybeType => "to_regtype",
            Self::ClassName => "regclass_name",
            Self::NamespaceName => "regnamespace_name",
            Self::TypeName => "regtype_name",
            Self::TypeNames => "regtype_names",
            Self::Description => "obj_description",
            Self::ColumnDescription => "col_description",
            Self::Setting => "current_setting",
            Self::Schemas => "current_schemas",
            Self::Subscripts => "subscripts",
            Self::Numbered => "numbered",
            Self::Pattern => "like_pattern",
            Self::Words => "regexp_split_to_array",
        }
    }
}

/// A function of the catalogue.
#[derive(Debug)]
struct Answer {
    asks: Asks,
    names: Arc<Names>,
    settings: Arc<Mutex<Settings>>,
    signature: Signature,
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        self.asks == other.asks && Arc::ptr_eq(&self.names, &other.names)
    }
}

impl Eq for Answer {}

impl Hash for Answer {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.asks.hash(state);
    }
}

impl ScalarUDFImpl for Answer {
    fn name(&self) -> &str {
        self.asks.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let list = |item: DataType| DataType::List(Arc::new(Field::new_list_field(item, true)));
        Ok(match self.asks {
            Asks::Class | Asks::MaybeClass | Asks::Namespace | Asks::MaybeNamespace | Asks::Type | Asks::MaybeType => {
                DataType::Int32
            }
            Asks::ClassName
            | Asks::NamespaceName
            | Asks::TypeName
            | Asks::Description
            | Asks::ColumnDescription
            | Asks::Setting
            | Asks::Pattern => DataType::Utf8,
            Asks::TypeNames | Asks::Schemas | Asks::Words => list(DataType::Utf8),
            Asks::Subscripts => list(DataType::Int32),
            Asks::Numbered => list(DataType::Struct(numbered_fields(types.first()))),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let arrays = args.args.iter().map(|value| value.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let answer = self.answer(&arrays, rows)?;
        // A question without columns has one answer.
        if args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_))) && !answer.is_empty() {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&answer, 0)?));
        }
        Ok(ColumnarValue::Array(answer))
    }
}

impl Answer {
    fn answer(&self, args: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        Ok(match self.asks {
            Asks::Class => self.ids(args, "relation", true, |name| self.names.relation(name))?,
            Asks::MaybeClass => self.ids(args, "relation", false, |name| self.names.relation(name))?,
            Asks::Namespace => self.ids(args, "schema", true, |name| self.names.schema(name))?,
            Asks::MaybeNamespace => self.ids(args, "schema", false, |name| self.names.schema(name))?,
            Asks::Type => self.ids(args, "type", true, types::id)?,
            Asks::MaybeType => self.ids(args, "type", false, types::id)?,
            Asks::ClassName => shown(&numbers(args, 0)?, |id| self.names.relation_name(id)),
            Asks::NamespaceName => shown(&numbers(args, 0)?, |id| self.names.schema_name(id)),
            Asks::TypeName => shown(&numbers(args, 0)?, |id| Some(types::name(id))),
            Asks::TypeNames => type_names(args)?,
            Asks::Description => {
                let described = numbers(args, 0)?;
                Arc::new(described.iter().map(|id| self.names.comment(id?, 0)).collect::<StringArray>())
            }
            Asks::ColumnDescription => {
                let (described, columns) = (numbers(args, 0)?, numbers(args, 1)?);
                let pairs = described.iter().zip(columns.iter());
                Arc::new(pairs.map(|(id, column)| self.names.comment(id?, column?)).collect::<StringArray>())
            }
            Asks::Setting => self.settings(args)?,
            Asks::Schemas => schemas(args, rows)?,
            Asks::Subscripts => subscripts(first(args)?)?,
            Asks::Numbered => numbered(first(args)?)?,
            Asks::Pattern => patterns(args)?,
            Asks::Words => words(args)?,
        })
    }

    fn ids(&self, args: &[ArrayRef], what: &str, strict: bool, find: impl Fn(&str) -> Option<i32>) -> Result<ArrayRef> {
        let texts = texts(args, 0)?;
        let mut ids = Int32Builder::new();
        for text in texts.iter() {
            let Some(text) = text else {
                ids.append_null();
                continue;
            };
            let id = text.parse::<i32>().ok().or_else(|| find(text));
            if strict && id.is_none() {
                return exec_err!("{what} \"{text}\" does not exist");
            }
            ids.append_option(id);
        }
        Ok(Arc::new(ids.finish()))
    }

    fn settings(&self, args: &[ArrayRef]) -> Result<ArrayRef> {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let names = texts(args, 0)?;
        let missing_ok = args.len() > 1;
        let value = |name: Option<&str>| -> Result<Option<String>> {
            let Some(name) = name else { return Ok(None) };
            match settings.show(&name.to_lowercase()) {
                Ok(value) => Ok(Some(value)),
                Err(_) if missing_ok => Ok(None),
                Err(refusal) => Err(exec_datafusion_err!("{refusal}")),
            }
        };
        Ok(Arc::new(names.iter().map(value).collect::<Result<StringArray>>()?))
    }
}

/// The first argument.
pub(super) fn first(args: &[ArrayRef]) -> Result<&ArrayRef> {
    args.first().ok_or_else(|| exec_datafusion_err!("an argument is missing"))
}

/// An argument as texts.
pub(super) fn texts(args: &[ArrayRef], index: usize) -> Result<StringArray> {
    let arg = args.get(index).ok_or_else(|| exec_datafusion_err!("an argument is missing"))?;
    let cast = arrow::compute::cast(arg, &DataType::Utf8)?;
    cast.as_string_opt::<i32>().cloned().ok_or_else(|| exec_datafusion_err!("a text is needed"))
}

/// An argument as whole numbers.
fn numbers(args: &[ArrayRef], index: usize) -> Result<Int32Array> {
    let arg = args.get(index).ok_or_else(|| exec_datafusion_err!("an argument is missing"))?;
    let cast = arrow::compute::cast(arg, &DataType::Int32)?;
    cast.as_primitive_opt::<Int32Type>().cloned().ok_or_else(|| exec_datafusion_err!("a number is needed"))
}

/// The names of ids; an id without one is its number.
fn shown(ids: &Int32Array, name: impl Fn(i32) -> Option<String>) -> ArrayRef {
    Arc::new(ids.iter().map(|id| id.map(|id| name(id).unwrap_or_else(|| id.to_string()))).collect::<StringArray>())
}
