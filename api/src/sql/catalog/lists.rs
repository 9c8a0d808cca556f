//! Functions of lists and texts: their places, their items with numbers, words, patterns.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Builder, ListArray, ListBuilder, StringArray, StringBuilder, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Int32Type};
use datafusion::common::{exec_datafusion_err, exec_err};
use datafusion::error::Result;

use super::functions::{first, texts};
use super::types;

/// The names of the types in lists of ids.
pub(super) fn type_names(args: &[ArrayRef]) -> Result<ArrayRef> {
    let item = DataType::List(Arc::new(Field::new_list_field(DataType::Int32, true)));
    let lists = arrow::compute::cast(first(args)?, &item)?;
    let mut names = ListBuilder::new(StringBuilder::new());
    for list in lists.as_list::<i32>().iter() {
        if let Some(list) = &list {
            for id in list.as_primitive::<Int32Type>().iter() {
                names.values().append_option(id.map(types::name));
            }
        }
        names.append(list.is_some());
    }
    Ok(Arc::new(names.finish()))
}

/// The schemas in which names are looked up.
pub(super) fn schemas(args: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
    let implicit = arrow::compute::cast(first(args)?, &DataType::Boolean)?;
    let implicit = implicit.as_boolean();
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in 0..rows {
        if implicit.is_valid(row) && implicit.value(row) {
            lists.values().append_value("pg_catalog");
        }
        lists.values().append_value(tillsight_correlate::sql::DEFAULT_SCHEMA);
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}

fn lists(array: &ArrayRef) -> Result<&ListArray> {
    array.as_list_opt::<i32>().ok_or_else(|| exec_datafusion_err!("a list is needed, not {}", array.data_type()))
}

/// The numbers of the places of lists.
pub(super) fn subscripts(array: &ArrayRef) -> Result<ArrayRef> {
    let mut places = ListBuilder::new(Int32Builder::new());
    if array.data_type() == &DataType::Null {
        (0..array.len()).for_each(|_| places.append(false));
        return Ok(Arc::new(places.finish()));
    }
    for list in lists(array)?.iter() {
        let count = list.as_ref().map_or(0, |list| i32::try_from(list.len()).unwrap_or(i32::MAX));
        (1..=count).for_each(|place| places.values().append_value(place));
        places.append(list.is_some());
    }
    Ok(Arc::new(places.finish()))
}

/// The fields of an item with its number.
pub(super) fn numbered_fields(list: Option<&DataType>) -> Fields {
    let item = match list {
        Some(DataType::List(field)) => field.data_type().clone(),
        _ => DataType::Utf8,
    };
    Fields::from(vec![Field::new("x", item, true), Field::new("n", DataType::Int32, true)])
}

/// The items of lists, each with its number.
pub(super) fn numbered(array: &ArrayRef) -> Result<ArrayRef> {
    let list = lists(array)?;
    let fields = numbered_fields(Some(list.data_type()));
    let mut places = Int32Builder::new();
    let mut lengths = Vec::with_capacity(list.len());
    let mut items: Vec<ArrayRef> = Vec::new();
    for item in list.iter() {
        let count = item.as_ref().map_or(0, |item| item.len());
        (1..=count).for_each(|place| places.append_option(i32::try_from(place).ok()));
        lengths.push(count);
        items.extend(item);
    }
    let items = match items.iter().map(|item| item.as_ref()).collect::<Vec<&dyn Array>>() {
        none if none.is_empty() => arrow::array::new_empty_array(&list.value_type()),
        some => arrow::compute::concat(&some)?,
    };
    let structs = StructArray::try_new(fields.clone(), vec![items, Arc::new(places.finish())], None)?;
    let field = Arc::new(Field::new_list_field(DataType::Struct(fields), true));
    Ok(Arc::new(ListArray::try_new(
        field,
        OffsetBuffer::from_lengths(lengths),
        Arc::new(structs),
        list.nulls().cloned(),
    )?))
}

/// Patterns with a backslash where another character escapes.
pub(super) fn patterns(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (patterns, escapes) = (texts(args, 0)?, texts(args, 1)?);
    let pairs = patterns.iter().zip(escapes.iter());
    Ok(Arc::new(pairs.map(|(pattern, escape)| Some(backslashed(pattern?, escape?))).collect::<StringArray>()))
}

fn backslashed(pattern: &str, escape: &str) -> String {
    let escape = escape.chars().next();
    let mut plain = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            c if Some(c) == escape => {
                plain.push('\\');
                plain.extend(chars.next());
            }
            '\\' => plain.push_str("\\\\"),
            c => plain.push(c),
        }
    }
    plain
}

/// The words of texts: only `\W+`, as it is asked of the texts of functions, of which there are none.
pub(super) fn words(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (texts, patterns) = (texts(args, 0)?, texts(args, 1)?);
    let mut words = ListBuilder::new(StringBuilder::new());
    for (text, pattern) in texts.iter().zip(patterns.iter()) {
        if pattern.is_some_and(|pattern| pattern != "\\W+") {
            return exec_err!("regexp_split_to_table splits at \\W+ only");
        }
        for word in text.into_iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric() && c != '_')) {
            words.values().append_value(word);
        }
        words.append(text.is_some());
    }
    Ok(Arc::new(words.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_character_may_escape() {
        assert_eq!(backslashed("pg/_%", "/"), "pg\\_%");
        assert_eq!(backslashed("a\\b//c", "/"), "a\\\\b\\/c");
    }

    #[test]
    fn items_are_numbered_from_one() {
        let mut lists = ListBuilder::new(Int32Builder::new());
        lists.append_value([Some(7), Some(9)]);
        lists.append_null();
        lists.append_value([Some(5)]);
        let lists: ArrayRef = Arc::new(lists.finish());
        let numbered = numbered(&lists).unwrap();
        let structs = numbered.as_list::<i32>().values().as_struct().clone();
        assert_eq!(structs.column(1).as_primitive::<Int32Type>().values(), &[1, 2, 1]);
        assert_eq!(structs.column(0).as_primitive::<Int32Type>().values(), &[7, 9, 5]);
        assert!(numbered.is_null(1));
    }
}
