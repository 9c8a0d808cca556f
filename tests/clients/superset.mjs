// Apache Superset as somebody of head office uses it: SQL Lab with the list of tables, a query and its rows; a dataset of a
// table; a bar chart of it. Says each step as a line of JSON. Arguments: address, id of the database, folder for pictures.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.BROWSER_HOME}/`);
const { chromium } = require("playwright-core");
const [address, database, pictures] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));
const picture = (name) => page.screenshot({ path: `${pictures}/superset-${name}.png` });

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
page.setDefaultTimeout(60_000);
await page.goto(`${address}/login/`);
await page.locator("[data-test=username-input], #username").first().fill("admin");
await page.locator("[data-test=password-input], #password").first().fill("admin");
await page.locator("[data-test=login-button], [type=submit]").first().click();
await page.waitForURL(/welcome/);

// SQL Lab.
const sql = "select store_id, count(*) as refunds, sum(total) as refunded from pos.transactions where kind = 'RETURN' group by store_id order by store_id";
await page.goto(`${address}/sqllab/?dbid=${database}&schema=pos&name=Refunds&sql=${encodeURIComponent(sql)}`);
await page.getByRole("tree").getByText("pos", { exact: true }).click();
await page.getByRole("tree").getByText("transactions", { exact: true }).waitFor();
say({ step: "tables", names: (await page.getByRole("treeitem").allInnerTexts()).map((name) => name.trim()) });
const answer = page.waitForResponse((response) => response.url().endsWith("/api/v1/sqllab/execute/"));
await page.getByRole("button", { name: /\bRun$/ }).click();
const result = await (await answer).json();
say({ step: "sql lab", rows: result.data, error: result.errors });
await page.getByText("refunded").last().waitFor();
await picture("sql-lab");

// A dataset: Superset asks the catalogue for the columns.
const ask = async (method, path, data) => {
  const token = (await (await page.request.get(`${address}/api/v1/security/csrf_token/`)).json()).result;
  const response = await page.request.fetch(`${address}${path}`, {
    method, data, headers: { "x-csrftoken": token, referer: address },
  });
  const said = await response.json();
  if (!response.ok()) throw new Error(`${method} ${path}: ${response.status()} ${JSON.stringify(said)}`);
  return said;
};
const dataset = await ask("POST", "/api/v1/dataset/", { database: Number(database), schema: "pos", table_name: "transactions" });
const columns = (await ask("GET", `/api/v1/dataset/${dataset.id}`)).result.columns;
say({ step: "dataset", columns: columns.map(({ column_name, type, is_dttm }) => [column_name, type, is_dttm]) });

// A chart.
const metric = { expressionType: "SIMPLE", aggregate: "COUNT", column: { column_name: "event_id" }, label: "refunds" };
const filter = { expressionType: "SIMPLE", clause: "WHERE", subject: "kind", operator: "==", operatorId: "EQUALS", comparator: "RETURN" };
const chart = await ask("POST", "/api/v1/chart/", {
  slice_name: "Refunds by store", viz_type: "echarts_timeseries_bar", datasource_id: dataset.id, datasource_type: "table",
  params: JSON.stringify({
    viz_type: "echarts_timeseries_bar", datasource: `${dataset.id}__table`, x_axis: "store_id", metrics: [metric],
    adhoc_filters: [filter], groupby: [], row_limit: 100, show_value: true, xAxisForceCategorical: true, x_axis_sort: "store_id", x_axis_sort_asc: true,
    truncateXAxis: false,
  }),
});
const data = page.waitForResponse((response) => response.url().includes("/api/v1/chart/data"));
await page.goto(`${address}/explore/?slice_id=${chart.id}`);
const drawn = await (await data).json();
say({ step: "chart", rows: drawn.result?.[0]?.data, error: drawn.result?.[0]?.error ?? drawn.errors });
await page.locator(".chart-container canvas, [data-test=chart-container] canvas, canvas").first().waitFor();
await page.waitForLoadState("networkidle");
await picture("chart");
await browser.close();
