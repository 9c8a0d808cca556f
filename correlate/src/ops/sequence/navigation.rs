//! [`Navigation`]: how an expression of `MATCH_RECOGNIZE` gets at other rows than the one that is tested.
//!
//! In a plan, `FIRST(t.event_us)` is a call of a function whose argument is a column of the input and whose name says which
//! row. So DataFusion finds types and simplifies what stands around it; when the plan is made physical,
//! [`super::formula`] puts columns in the place of the calls. None is ever called.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// Which row, or what about the rows of a match. A variable is meant by its number; without one, all rows of the match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Walk {
    /// The row that is tested.
    Here,
    /// So many rows before the one that is tested, whatever match it belongs to.
    Before(usize),
    /// The first row of a variable.
    First(Option<usize>),
    /// The last row of a variable.
    Last(Option<usize>),
    /// How many rows there are of a variable.
    Count(Option<usize>),
    /// The number of the match among those of its key, from 1.
    Number,
    /// The variable of the match's last row.
    Classifier,
}

/// A walk as a function of plans.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Navigation {
    /// Where it goes.
    pub(super) walk: Walk,
    name: String,
    signature: Signature,
}

impl Walk {
    /// The value of an expression over the row that it leads to; the number itself where it leads to none.
    pub(super) fn of(self, argument: Option<Expr>) -> Expr {
        let arguments: Vec<Expr> = argument.into_iter().collect();
        // Volatile: the same call is another value for another row, and none of them may be computed when planning.
        let signature = match arguments.len() {
            0 => Signature::nullary(Volatility::Volatile),
            count => Signature::any(count, Volatility::Volatile),
        };
        let function = ScalarUDF::from(Navigation { walk: self, name: self.name(), signature });
        Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), arguments))
    }

    fn name(self) -> String {
        let of = |what: &str, variable: Option<usize>| match variable {
            Some(variable) => format!("{what}_v{variable}"),
            None => what.to_owned(),
        };
        match self {
            Self::Here => "here".to_owned(),
            Self::Before(rows) => format!("prev_{rows}"),
            Self::First(variable) => of("first", variable),
            Self::Last(variable) => of("last", variable),
            Self::Count(variable) => of("count", variable),
            Self::Number => "match_number".to_owned(),
            Self::Classifier => "classifier".to_owned(),
        }
    }
}

impl Navigation {
    /// The walk that a call is, and its argument.
    pub(super) fn in_call(call: &ScalarFunction) -> Option<(Walk, Option<&Expr>)> {
        let navigation = call.func.inner().downcast_ref::<Self>()?;
        Some((navigation.walk, call.args.first()))
    }
}

impl ScalarUDFImpl for Navigation {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match (self.walk, types.first()) {
            (Walk::Classifier, _) => DataType::Utf8,
            (Walk::Count(_) | Walk::Number, _) | (_, None) => DataType::Int64,
            (_, Some(kind)) => kind.clone(),
        })
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("{} stands for a row of MATCH_RECOGNIZE and was called", self.name)
    }
}
