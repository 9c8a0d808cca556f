//! `tillsight scores`: operators and stores beside their peers, on the command line.

use std::error::Error;
use std::sync::Arc;

use clap::Args;
use tillsight_schemas::id::{StoreId, TenantId};

use super::say;
use crate::config::Config;
use crate::db::Without;
use crate::run::{clock, database};
use crate::scores::{Asked, DAYS, MOST_DAYS, ScorePart, ScoredOperator, ScoredStore, Scorer, ScoresShown};

/// So many operators and stores are printed, and those beyond who stand out.
const PRINTED: i64 = 25;

/// Which scores.
#[derive(Debug, Args)]
pub(super) struct ScoresArguments {
    /// Over how many business days; the last is the last one that is over in every store.
    #[arg(long, default_value_t = DAYS, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_DAYS)))]
    days: u32,
    /// One store only; its operators are compared with those of all stores.
    #[arg(long)]
    store: Option<StoreId>,
    /// The retailer, where several are set up.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// The answer as JSON, as over HTTP.
    #[arg(long)]
    json: bool,
}

/// Does what the arguments say.
pub(super) fn scores(config: &Config, arguments: &ScoresArguments) -> Result<(), Box<dyn Error>> {
    let ScoresArguments { days, store, .. } = arguments;
    let tenant = tenant(config, arguments)?;
    let asked = Asked {
        tenant,
        shops: Arc::new(config.stores.clone()),
        days: *days,
        stores: store.iter().cloned().collect(),
        without: Without::default(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let scores = runtime.block_on(async {
        let scorer = Scorer::new(database(config).await?, clock(), config.data.dir.join("lake"));
        Ok::<_, Box<dyn Error>>(scorer.scores(asked).await?)
    })?;
    if arguments.json {
        say(&serde_json::to_string_pretty(&scores)?);
    } else {
        told(&scores).iter().for_each(|line| say(line));
    }
    Ok(())
}

/// The retailer that is meant: of the store, or the only one.
fn tenant(config: &Config, arguments: &ScoresArguments) -> Result<TenantId, Box<dyn Error>> {
    let named = |tenant: &TenantId| arguments.tenant.as_ref().is_none_or(|named| named == tenant);
    let of_store = |id: &StoreId| arguments.store.as_ref().is_none_or(|store| store == id);
    let meant = config.stores.iter().filter(|store| named(&store.tenant) && of_store(&store.id));
    let mut tenants: Vec<&TenantId> = meant.map(|store| &store.tenant).collect();
    tenants.sort_unstable();
    tenants.dedup();
    match tenants.as_slice() {
        [tenant] => Ok((*tenant).clone()),
        [] => Err("there is no such store".into()),
        _ => Err("several retailers are set up: say which with --tenant".into()),
    }
}

/// The scores, line by line.
fn told(scores: &ScoresShown) -> Vec<String> {
    let ScoresShown { from, to, compared, .. } = scores;
    let mut lines = vec![format!("{from} to {to}, {compared} comparisons with peers; how to read it: docs/scores.md")];
    if scores.operators.is_empty() {
        lines.push("nothing was counted in these days".to_owned());
        return lines;
    }
    let operators = scores.operators.iter().filter(|operator| operator.rank <= PRINTED || operator.stands_out);
    lines.push(String::new());
    lines.push(format!("{:>4} {:>5}  {:<28} what adds most", "", "risk", "operator"));
    lines.extend(operators.map(|operator| of_operator(scores, operator)));
    lines.push(String::new());
    lines.push(format!("{:>4} {:>5}  {:<28} what adds most", "", "risk", "store"));
    lines.extend(scores.stores.iter().filter(|store| store.rank <= PRINTED).map(|store| of_store(scores, store)));
    lines
}

fn of_operator(scores: &ScoresShown, operator: &ScoredOperator) -> String {
    let name = format!("{} at {}, {}", operator.operator_id, operator.store_id, operator.work.replace('_', " "));
    // What stands out says more than what adds most.
    let part = operator.parts.iter().find(|part| part.stands_out).or(operator.parts.first());
    let said = part.map(|part| {
        let chance = part.q.map(|q| format!(", q {q:.3}")).unwrap_or_default();
        let mark = if part.stands_out { ": stands out" } else { "" };
        format!("{}{chance}{mark}", of_part(scores, &part.part))
    });
    format!("{:>4} {:>5.1}  {name:<28} {}", operator.rank, operator.risk, said.unwrap_or_default())
}

fn of_store(scores: &ScoresShown, store: &ScoredStore) -> String {
    let said = store.parts.first().map(|part| of_part(scores, part)).unwrap_or_default();
    format!("{:>4} {:>5.1}  {:<28} {said}", store.rank, store.risk, store.store_id.as_str())
}

fn of_part(scores: &ScoresShown, part: &ScorePart) -> String {
    let measure = scores.measures.iter().find(|measure| measure.key == part.measure);
    let name = measure.map_or(part.measure.as_str(), |measure| measure.name.as_str());
    let ScorePart { events, of, raw, rate, peers, .. } = part;
    format!("{name}: {events} of {of} ({raw:.1} %, believed {rate:.1} %, peers {peers:.1} %)")
}
