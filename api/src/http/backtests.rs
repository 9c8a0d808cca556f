//! `/api/v1/backtests`: what rules would have said of days that are over, as pages ask for it: with other numbers, beside what
//! was said live or the library. Those who set up ask about their stores and see what they asked for themselves; each runs
//! in a process of its own, one at a time ([`crate::backtest`]).
//!
//! Who does not see every alert of their stores is refused: a back-test shows them all.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Number, Value, json};
use tillsight_correlate::rule::Header;
use tillsight_schemas::id::{RuleId, StoreId};
use tillsight_schemas::wire::json::whole;
use uuid::Uuid;

use super::Shared;
use super::answer::{Shown as _, answer};
use super::auth::{Caller, Person, Right};
use super::bodies::name;
use super::extract::{Body, Path};
use super::problem::Problem;
use super::route::{Access, Answer, Route};
use super::setup::{store_of, wrong};
use super::views::RuleShown;
use crate::backtest::{
    Against, Asked, BacktestProgress, BacktestResult, BacktestSummary, Kept, Refusal, State as Stands, Ticket,
};

/// The longest span.
const LONGEST: TimeDelta = TimeDelta::days(366);
/// The most rules of one.
const MOST: usize = 100;

answer! {
    /// A rule that can be asked about.
    struct AskableRule {
        /// What it looks for, and its numbers.
        @flatten rule: RuleShown,
        /// Whether it judges here.
        on: bool,
    }

    /// A back-test.
    struct BacktestShown {
        /// Its id.
        backtest_id: Uuid,
        /// The rules.
        rules: Vec<RuleId>,
        /// The stores.
        stores: Vec<StoreId>,
        /// The first business day.
        from: NaiveDate,
        /// The last.
        to: NaiveDate,
        /// Numbers that are tried in the place of the rules' own.
        params: BTreeMap<String, i64>,
        /// What it is compared with.
        against: Against,
        /// When it was asked for.
        asked_at: DateTime<Utc>,
        /// How it stands.
        state: Stands,
        /// How many are before it, while it waits.
        before: i64,
        /// How far it is, while it runs.
        progress: Option<BacktestProgress>,
        /// When it began.
        began_at: Option<DateTime<Utc>>,
        /// When it was over.
        ended_at: Option<DateTime<Utc>>,
        /// Why it did not come to its end.
        problem: Option<String>,
        /// What came out, in five numbers.
        summary: Option<BacktestSummary>,
    }

    /// What a person asked for, and what can be asked about.
    struct BacktestPage {
        /// All rules that there are, those that do not judge included.
        rules: Vec<AskableRule>,
        /// The back-tests that are kept, the newest first.
        items: Vec<BacktestShown>,
    }

    /// A back-test with what came out.
    struct BacktestDetail {
        /// How it stands.
        @flatten backtest: BacktestShown,
        /// What came out; null until it is done.
        result: Option<BacktestResult>,
    }
}

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Draft {
    rules: Vec<String>,
    from: NaiveDate,
    to: NaiveDate,
    #[serde(default)]
    stores: Vec<String>,
    #[serde(default)]
    params: BTreeMap<String, Number>,
    #[serde(default)]
    against: Option<Against>,
}

/// The routes, for the table of all of them.
pub(super) fn table() -> Vec<Route> {
    use Access::Person;
    use Answer::{Json, Nothing};
    const ONE: &str = "/api/v1/backtests/{backtest_id}";
    vec![
        Route::get(
            "/api/v1/backtests",
            Person,
            "The back-tests that the person asked for, newest first, and the rules that can be asked about.",
            Json(BacktestPage::schema),
            get(list),
        ),
        Route::get(
            "/api/v1/backtests",
            Person,
            "Asks what rules would have said of days that are over; it runs when those before it are done.",
            Json(BacktestShown::schema),
            post(ask),
        )
        .post(body)
        .status(202)
        .refuses(&[404, 429]),
        Route::get(ONE, Person, "How a back-test stands, and what came out.", Json(BacktestDetail::schema), get(one)),
        Route::get(
            ONE,
            Person,
            "Cancels a back-test that waits or runs; forgets one that is over.",
            Nothing,
            delete(end),
        )
        .method("delete", 204, None),
    ]
}

/// Lists what a person asked for.
async fn list(State(shared): State<Shared>, caller: Caller) -> Result<Json<BacktestPage>, Problem> {
    let person = asker(&caller)?;
    let judges = |header: &Header| shared.rules.iter().any(|rule| rule.header.id == header.id);
    let rules = shared.backtests.rules().iter();
    let rules = rules.map(|header| AskableRule { rule: RuleShown::of(header), on: judges(header) });
    let items = shared.backtests.all().into_iter().filter(|ticket| is_theirs(&person, &ticket.kept));
    Ok(Json(BacktestPage { rules: rules.collect(), items: items.map(BacktestShown::of).collect() }))
}

/// Takes a question.
async fn ask(
    State(shared): State<Shared>,
    caller: Caller,
    Body(draft): Body<Draft>,
) -> Result<(StatusCode, Json<BacktestShown>), Problem> {
    let person = asker(&caller)?;
    let asked = draft.asked(&shared, &person)?;
    let id = Uuid::new_v4();
    note(&shared, &person, format!("{id}: {}", asked.words())).await?;
    shared.backtests.ask(id, &person.name, asked).await.map_err(|refusal| match refusal {
        Refusal::Full(_) => Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many", refusal.to_string()),
        Refusal::Disk(error) => Problem::unavailable("back-tests cannot be kept", &error),
    })?;
    Ok((StatusCode::ACCEPTED, Json(BacktestShown::of(find(&shared, &person, id)?))))
}

/// How one stands.
async fn one(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<BacktestDetail>, Problem> {
    let person = asker(&caller)?;
    let ticket = find(&shared, &person, id)?;
    let result = match ticket.kept.state {
        Stands::Done => shared.backtests.result(id).await,
        _ => Ok(None),
    };
    let result = result.map_err(|error| Problem::unavailable("what the back-test came to cannot be read", &error))?;
    Ok(Json(BacktestDetail { backtest: BacktestShown::of(ticket), result }))
}

/// Cancels or forgets one.
async fn end(State(shared): State<Shared>, caller: Caller, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let person = asker(&caller)?;
    let ticket = find(&shared, &person, id)?;
    let what = if ticket.kept.state.is_over() { "forgotten" } else { "cancelled" };
    note(&shared, &person, format!("{id}: {what}")).await?;
    let ended = shared.backtests.end(id).await;
    ended.map_err(|error| Problem::unavailable("the back-test cannot be ended", &error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// The person who asks, if every alert of their stores is theirs to see.
fn asker(caller: &Caller) -> Result<Person, Problem> {
    let person = caller.person(Right::SetUp)?;
    if person.scope.without.is_empty() {
        return Ok(person);
    }
    let detail = "a back-test shows every alert of a store, and you work at its tills yourself: somebody who does not can \
                  ask for it";
    Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail))
}

/// Whether a back-test is the person's own, and they still see every store of it.
fn is_theirs(person: &Person, kept: &Kept) -> bool {
    let Asked { tenant, stores, .. } = &kept.asked;
    kept.owner == person.name && stores.iter().all(|store| person.scope.sees(tenant, store))
}

fn find(shared: &Shared, person: &Person, id: Uuid) -> Result<Ticket, Problem> {
    let ticket = shared.backtests.one(id).filter(|ticket| is_theirs(person, &ticket.kept));
    ticket
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not found", format!("there is no back-test {id} of yours")))
}

async fn note(shared: &Shared, person: &Person, words: String) -> Result<(), Problem> {
    let noted = shared.audit.note(&person.name, "back-test", words).await;
    noted.map_err(|error| Problem::unavailable("the audit file cannot be written, so nothing is done", &error))
}

impl Draft {
    /// What is asked, or everything that is wrong with it.
    fn asked(self, shared: &Shared, person: &Person) -> Result<Asked, Problem> {
        let tenant = &person.scope.tenant;
        let named: BTreeSet<&String> = self.stores.iter().collect();
        let mut stores = Vec::with_capacity(named.len());
        for store in named {
            stores.push(store_of(shared, person, store)?.store);
        }
        if stores.is_empty() {
            let ours = shared.shops.iter().filter(|shop| person.scope.sees(&shop.tenant, &shop.id));
            stores = ours.map(|shop| shop.id.clone()).collect();
        }
        let mut problems = Vec::new();
        if stores.is_empty() {
            problems.push("stores: no store is set up yet".to_owned());
        }
        let rules = self.chosen(shared.backtests.rules(), &mut problems);
        let params = self.numbers(&rules, &mut problems);
        if self.to < self.from {
            problems.push("to: it lies before the first day".to_owned());
        } else if self.to - self.from >= LONGEST {
            problems.push(format!("to: {} days at most", LONGEST.num_days()));
        }
        let mut ours = shared.shops.iter().filter(|shop| shop.tenant == *tenant && stores.contains(&shop.id));
        if ours.any(|shop| shop.day(self.from).is_none() || shop.day(self.to).is_none()) {
            problems.push("from: the calendar has no such days".to_owned());
        }
        if !problems.is_empty() {
            return Err(wrong(&problems));
        }
        Ok(Asked {
            tenant: tenant.clone(),
            stores,
            rules: rules.into_iter().map(|header| header.id.clone()).collect(),
            from: self.from,
            to: self.to,
            params,
            against: self.against.unwrap_or(Against::Live),
        })
    }

    /// The rules that are named.
    fn chosen<'a>(&self, known: &'a [Header], problems: &mut Vec<String>) -> Vec<&'a Header> {
        let named: BTreeSet<&String> = self.rules.iter().collect();
        if named.is_empty() || named.len() > MOST {
            problems.push(format!("rules: name 1 to {MOST}"));
        }
        let mut chosen = Vec::new();
        for name in named {
            match known.iter().find(|header| header.id.as_str() == name) {
                Some(header) => chosen.push(header),
                None => problems.push(format!("rules: there is no rule {name}")),
            }
        }
        chosen
    }

    /// The numbers that are tried: each is one of a rule that is named, and within the limits of all that have it.
    fn numbers(&self, rules: &[&Header], problems: &mut Vec<String>) -> BTreeMap<String, i64> {
        let mut numbers = BTreeMap::new();
        for (name, number) in &self.params {
            let mut limits = rules.iter().filter_map(|header| Some((&header.id, header.params.get(name)?))).peekable();
            if limits.peek().is_none() && !rules.is_empty() {
                problems.push(format!("params: none of these rules has a number {name}"));
            }
            let Some(value) = whole(number) else {
                problems.push(format!("params: {name} is a whole number"));
                continue;
            };
            for (rule, param) in limits.filter(|(_, param)| !(param.min..=param.max).contains(&value)) {
                problems.push(format!("params: {name} of {rule} may be {} to {}", param.min, param.max));
            }
            numbers.insert(name.clone(), value);
        }
        numbers
    }
}

impl BacktestShown {
    fn of(ticket: Ticket) -> Self {
        let Ticket { kept, progress, before } = ticket;
        Self {
            backtest_id: kept.id,
            rules: kept.asked.rules,
            stores: kept.asked.stores,
            from: kept.asked.from,
            to: kept.asked.to,
            params: kept.asked.params,
            against: kept.asked.against,
            asked_at: kept.asked_at,
            state: kept.state,
            before,
            progress,
            began_at: kept.began_at,
            ended_at: kept.ended_at,
            problem: kept.problem,
            summary: kept.summary,
        }
    }
}

/// What is sent, for the description of the interface.
fn body() -> Value {
    let day = |about: &str| json!({ "type": "string", "format": "date", "description": about });
    json!({
        "type": "object", "required": ["rules", "from", "to"],
        "properties": {
            "rules": { "type": "array", "minItems": 1, "maxItems": MOST, "items": name(), "description": "Rules by id." },
            "from": day("The first business day."),
            "to": day("The last business day; a year at most."),
            "stores": {
                "type": "array", "items": name(), "description": "All of the person when left out or empty.",
            },
            "params": {
                "type": "object",
                "description": "Numbers that are tried in the place of the rules' own and of what stores have said.",
                "additionalProperties": { "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX },
            },
            "against": {
                "enum": ["live", "library", null],
                "description": "live (default): what was judged live, or, where numbers are tried, the rules as they \
                                stand; library: the rules as they come.",
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::House;
    use super::super::work_tests::Worker;
    use super::*;
    use crate::db::{AccountChange, Role, TokenKind, User};

    fn asked(more: &Value) -> Value {
        let mut asked = json!({ "rules": ["refund_velocity"], "from": "2026-11-01", "to": "2026-11-21" });
        for (name, value) in more.as_object().unwrap() {
            asked[name] = value.clone();
        }
        asked
    }

    #[tokio::test]
    async fn what_is_asked_waits_is_seen_by_who_asked_alone_and_can_be_cancelled_and_forgotten() {
        let house = House::open().await;
        let ida = Worker::join(&house, "ida", Role::Admin, &[]).await;
        let made = ida.good("POST", "backtests", asked(&json!({ "params": { "more_than": 8.0 } })), 202).await;
        assert_eq!((&made["state"], &made["stores"]), (&json!("queued"), &json!(["17", "42"])), "{made}");
        assert_eq!((&made["params"], &made["against"]), (&json!({ "more_than": 8 }), &json!("live")));
        let path = format!("backtests/{}", made["backtest_id"].as_str().unwrap());
        assert_eq!(ida.get(&path).await["result"], Value::Null);
        let page = ida.get("backtests").await;
        assert_eq!(page["items"].as_array().unwrap().len(), 1);
        let rules = page["rules"].as_array().unwrap();
        let on = |id: &str| &rules.iter().find(|rule| rule["id"] == id).unwrap()["on"];
        assert_eq!((on("refund_velocity"), on("cash_refund_high")), (&json!(false), &json!(true)));

        let tom = Worker::join(&house, "tom", Role::Admin, &["17"]).await;
        assert_eq!(tom.get("backtests").await["items"], json!([]));
        assert_eq!(tom.call("GET", &path, None).await.0, StatusCode::NOT_FOUND);
        assert_eq!(tom.call("DELETE", &path, None).await.0, StatusCode::NOT_FOUND);
        tom.bad("POST", "backtests", asked(&json!({ "stores": ["42"] })), 404).await;
        let own = tom.good("POST", "backtests", asked(&json!({})), 202).await;
        assert_eq!((&own["stores"], &own["before"]), (&json!(["17"]), &json!(1)), "of all, their own");

        assert_eq!(ida.call("DELETE", &path, None).await.0, StatusCode::NO_CONTENT);
        assert_eq!(ida.get(&path).await["state"], "cancelled");
        assert_eq!(ida.call("DELETE", &path, None).await.0, StatusCode::NO_CONTENT);
        assert_eq!(ida.call("GET", &path, None).await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn everything_that_is_wrong_with_a_question_is_named_at_once_and_too_many_are_refused() {
        let house = House::open().await;
        let ida = Worker::join(&house, "ida", Role::Admin, &[]).await;
        let wrong = json!({
            "rules": ["refund_velocity", "nobody"], "from": "2026-11-21", "to": "2026-11-01",
            "params": { "more_than": 0.5, "marjin": 1 },
        });
        let detail = ida.bad("POST", "backtests", wrong, 422).await;
        for problem in ["no rule nobody", "number marjin", "before the first day", "more_than is a whole number"] {
            assert!(detail.contains(problem), "{problem}: {detail}");
        }
        let far = asked(&json!({ "from": "2024-11-01", "params": { "more_than": -1 } }));
        let detail = ida.bad("POST", "backtests", far, 422).await;
        assert!(
            detail.contains("366 days at most") && detail.contains("more_than of refund_velocity may be"),
            "{detail}"
        );
        for _ in 0..8 {
            ida.good("POST", "backtests", asked(&json!({})), 202).await;
        }
        assert!(ida.bad("POST", "backtests", asked(&json!({})), 429).await.contains("8 back-tests wait"));
    }

    #[tokio::test]
    async fn who_works_at_the_tills_gets_none() {
        let house = House::open().await;
        let user = User { name: "nora".into(), tenant: "acme".parse().unwrap(), role: Role::Admin, stores: Vec::new() };
        let account = AccountChange { user, email: None, operator: "1042".parse().ok(), disabled: false };
        house.shared.db.add_account("ida", &account).await.unwrap();
        let bearer = format!("Bearer {}", house.token(TokenKind::Person, "nora").await);
        let nora = Worker { house: &house, bearer };
        assert!(nora.bad("POST", "backtests", asked(&json!({})), 403).await.contains("work at its tills"));
        assert_eq!(nora.call("GET", "backtests", None).await.0, StatusCode::FORBIDDEN);
    }
}
