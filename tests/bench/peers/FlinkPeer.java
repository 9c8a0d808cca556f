import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/**
 * Flink SQL in one process, everything in its memory before the first run: {@code FlinkPeer WAY FOLDER}, see flink_peer.py.
 *
 * <p>What a job costs that reads one row (planning, starting a cluster) is taken off the cost of the others. Prints a line each run:
 * processor seconds and wall seconds; then what was found.
 */
public final class FlinkPeer {
  private static final int RUNS = 3;

  /** Columns: key, store, operator, event, kind, ms, cash, from_us, to_us. */
  private static Row[] tills;

  /** Columns: key, ms, start_us, end_us; only where somebody was or may have been. */
  private static Row[] cameras;

  private static final TypeInformation<Row> TILL =
      Types.ROW_NAMED(
          new String[] {"k", "store_id", "operator_id", "event_id", "kind", "ms", "cash", "from_us", "to_us"},
          Types.STRING, Types.STRING, Types.STRING, Types.STRING, Types.STRING, Types.LONG, Types.BOOLEAN, Types.LONG,
          Types.LONG);
  private static final TypeInformation<Row> CAMERA =
      Types.ROW_NAMED(
          new String[] {"k", "ms", "start_us", "end_us", "state"}, Types.STRING, Types.LONG, Types.LONG, Types.LONG, Types.STRING);

  private static final String REFUND =
      "SELECT r.event_id FROM (SELECT * FROM tills WHERE kind = 'RETURN') r LEFT JOIN "
          + "(SELECT * FROM cameras WHERE state <> 'absent') c ON r.k = c.k AND c.start_us < r.to_us AND c.end_us > r.from_us "
          + "AND c.ts BETWEEN r.ts - INTERVAL '40' SECOND AND r.ts + INTERVAL '10' SECOND WHERE c.k IS NULL";
  private static final String SEQUENCE =
      "SELECT event_id FROM tills MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts MEASURES V.event_id AS event_id "
          + "ONE ROW PER MATCH AFTER MATCH SKIP TO NEXT ROW PATTERN (T V) WITHIN INTERVAL '60' SECOND "
          + "DEFINE T AS T.kind = 'SALE' AND T.cash, V AS V.kind = 'POST_VOID')";
  private static final String COUNTS =
      "COUNT(*) FILTER (WHERE kind = 'POST_VOID') AS voids, COUNT(*) FILTER (WHERE kind = 'SALE') AS sales FROM TABLE("
          + "HOP(TABLE tills, DESCRIPTOR(ts), INTERVAL '1' MINUTES, INTERVAL '8' HOURS)) GROUP BY window_start, window_end, ";
  private static final String HOP =
      "SELECT o.store_id, o.operator_id, o.window_end FROM "
          + "(SELECT window_start, window_end, store_id, operator_id, " + COUNTS + "store_id, operator_id) o JOIN "
          + "(SELECT window_start, window_end, store_id, " + COUNTS + "store_id) e "
          + "ON o.window_start = e.window_start AND o.window_end = e.window_end AND o.store_id = e.store_id "
          + "WHERE o.voids > 3 AND o.voids * (e.sales - o.sales) > 3 * (e.voids - o.voids) * o.sales";
  private static final String BACK = " ORDER BY ts RANGE BETWEEN INTERVAL '8' HOUR PRECEDING AND CURRENT ROW)";
  private static final String OVER =
      "SELECT event_id FROM (SELECT event_id, kind, voids, sales, SUM(v) OVER (PARTITION BY store_id" + BACK + " AS all_voids, "
          + "SUM(s) OVER (PARTITION BY store_id" + BACK + " AS all_sales FROM (SELECT event_id, store_id, kind, ts, v, s, "
          + "SUM(v) OVER (PARTITION BY store_id, operator_id" + BACK + " AS voids, "
          + "SUM(s) OVER (PARTITION BY store_id, operator_id" + BACK + " AS sales FROM (SELECT *, "
          + "CASE WHEN kind = 'POST_VOID' THEN 1 ELSE 0 END AS v, CASE WHEN kind = 'SALE' THEN 1 ELSE 0 END AS s FROM tills "
          + "WHERE kind IN ('POST_VOID', 'SALE')))) WHERE kind = 'POST_VOID' AND voids > 3 "
          + "AND voids * (all_sales - sales) > 3 * (all_voids - voids) * sales";

  private FlinkPeer() {}

  public static void main(String[] arguments) throws Exception {
    String way = arguments[0];
    Path folder = Path.of(arguments[1]);
    TreeSet<String> found;
    if (way.equals("decode")) {
      found = decode(arguments[1]);
    } else {
      tills = tills(folder.resolve("tills.csv"));
      cameras = way.equals("refund") ? cameras(folder.resolve("cameras.csv")) : new Row[0];
      String query =
          switch (way) {
            case "refund" -> REFUND;
            case "sequence" -> SEQUENCE;
            case "hop-8" -> HOP;
            default -> OVER;
          };
      found = new TreeSet<>();
      ask(query, tills.length, cameras.length, found);
      for (int run = 0; run < RUNS; run++) {
        double[] nothing = ask(query, 1, Math.min(1, cameras.length), new TreeSet<>());
        found.clear();
        double[] took = ask(query, tills.length, cameras.length, found);
        tell(took, nothing[0]);
      }
    }
    for (String line : found) {
      System.out.println("found " + line);
    }
  }

  /** Processor and wall seconds of a query over the first rows; what it finds goes into {@code found}. */
  private static double[] ask(String query, int ofTills, int ofCameras, TreeSet<String> found) throws Exception {
    double[] before = now();
    StreamExecutionEnvironment streams = StreamExecutionEnvironment.getExecutionEnvironment();
    streams.setParallelism(1);
    streams.getConfig().enableObjectReuse();
    StreamTableEnvironment tables = StreamTableEnvironment.create(streams);
    tables.getConfig().set("table.local-time-zone", "UTC");
    var rung = new DataGeneratorSource<>(number -> tills[number.intValue()], ofTills, TILL);
    tables.createTemporaryView(
        "tills", tables.fromDataStream(streams.fromSource(rung, WatermarkStrategy.noWatermarks(), "tills"), timed()));
    if (ofCameras > 0) {
      var seen = new DataGeneratorSource<>(number -> cameras[number.intValue()], ofCameras, CAMERA);
      tables.createTemporaryView(
          "cameras", tables.fromDataStream(streams.fromSource(seen, WatermarkStrategy.noWatermarks(), "cameras"), timed()));
    }
    try (CloseableIterator<Row> rows = tables.executeSql(query).collect()) {
      while (rows.hasNext()) {
        Row row = rows.next();
        found.add(row.getArity() == 1 ? (String) row.getField(0) : minute(row));
      }
    }
    double[] after = now();
    return new double[] {after[0] - before[0], after[1] - before[1]};
  }

  /** What a run took beyond a job that reads one row; of a small one that is noise, and a tenth at least is its own. */
  private static void tell(double[] took, double nothing) {
    System.out.printf("run %f %f%n", Math.max(took[0] - nothing, took[0] / 10), took[1]);
  }

  private static String minute(Row row) {
    long ends = ((LocalDateTime) row.getField(2)).toEpochSecond(ZoneOffset.UTC) / 60;
    return row.getField(0) + " " + row.getField(1) + " " + ends;
  }

  private static Schema timed() {
    return Schema.newBuilder().columnByExpression("ts", "TO_TIMESTAMP_LTZ(ms, 3)").watermark("ts", "ts").build();
  }

  /** All columns of JSON records, thrown away. */
  private static TreeSet<String> decode(String file) throws Exception {
    TableEnvironment tables = TableEnvironment.create(EnvironmentSettings.inBatchMode());
    tables.getConfig().set("parallelism.default", "1");
    String line =
        "ROW<line_no INT, action STRING, entry STRING, gtin STRING, plu STRING, description STRING, qty_milli BIGINT, uom STRING, "
            + "unit_price_minor BIGINT, regular_price_minor BIGINT, extended_minor BIGINT, discount_minor BIGINT, department STRING>";
    String tender =
        "ROW<tender_no INT, tender_type STRING, amount_minor BIGINT, direction STRING, change_minor BIGINT, card_token STRING>";
    String columns =
        "(store_id STRING, register_id STRING, business_day STRING, kind STRING, sequence_no BIGINT, operator_id STRING, "
            + "supervisor_id STRING, event_time_raw STRING, begin_time_raw STRING, revision INT, currency STRING, net_minor BIGINT, "
            + "tax_minor BIGINT, total_minor BIGINT, item_count INT, receipt_no STRING, training BOOLEAN, test BOOLEAN, lines ARRAY<"
            + line + ">, tenders ARRAY<" + tender + ">, `reference` ROW<event_id STRING, receipt_no STRING>)";
    Path one = Files.createTempFile("one", ".jsonl");
    try (var lines = Files.lines(Path.of(file))) {
      Files.writeString(one, lines.findFirst().orElseThrow());
    }
    String with = " WITH ('format' = 'json', 'connector' = 'filesystem', 'path' = 'file://";
    tables.executeSql("CREATE TABLE landed " + columns + with + file + "')");
    tables.executeSql("CREATE TABLE one " + columns + with + one + "')");
    tables.executeSql("CREATE TABLE nothing " + columns + " WITH ('connector' = 'blackhole')");
    for (int run = 0; run <= RUNS; run++) {
      double[] before = now();
      tables.executeSql("INSERT INTO nothing SELECT * FROM one").await();
      double[] between = now();
      tables.executeSql("INSERT INTO nothing SELECT * FROM landed").await();
      double[] took = {now()[0] - between[0], now()[1] - between[1]};
      if (run > 0) {
        tell(took, between[0] - before[0]);
      }
    }
    Files.delete(one);
    TreeSet<String> found = new TreeSet<>();
    try (CloseableIterator<Row> rows = tables.executeSql("SELECT COUNT(*) FROM landed").collect()) {
      found.add(rows.next().getField(0) + " transactions");
    }
    return found;
  }

  private static double[] now() {
    var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    return new double[] {system.getProcessCpuTime() / 1e9, System.nanoTime() / 1e9};
  }

  private static Row[] tills(Path file) throws IOException {
    List<Row> rows = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      String[] of = line.split(",", -1);
      rows.add(Row.of(of[0], of[1], of[2], of[3], of[4], Long.valueOf(of[5]), of[6].equals("true"), number(of[7]), number(of[8])));
    }
    return rows.toArray(new Row[0]);
  }

  private static Row[] cameras(Path file) throws IOException {
    List<Row> rows = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      String[] of = line.split(",", -1);
      rows.add(Row.of(of[0], Long.valueOf(of[1]), Long.valueOf(of[2]), Long.valueOf(of[3]), of[4]));
    }
    return rows.toArray(new Row[0]);
  }

  private static Long number(String text) {
    return text.isEmpty() ? null : Long.valueOf(text);
  }
}
