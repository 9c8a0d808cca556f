import { describe, expect, it } from "vitest";
import type { SetCamera, SetUser, Stream } from "../api/setup";
import { addressFault, readSheet, writeSheet } from "../lib/csv";
import { lagWords, loginOf, marked, milli, readRecords, spansWords, tokenFaults } from "../lib/feeds";
import {
  type CameraForm,
  cameraDraft,
  cameraFaults,
  clockDifference,
  isLastAdmin,
  storeFaults,
  streamAdvice,
  streamWords,
  suggestId,
  userFaults,
} from "../lib/setup";
import { offsetWords, timeZone, timeZones } from "../lib/zones";

describe("a list of cameras", () => {
  it("is read as spreadsheets write it, with quotes, semicolons and a heading in any order", () => {
    const sheet = readSheet('\uFEFFCamera;Store;IP;Name\r\ntill-1;17;192.0.2.11;"Till 1; ""left"""\r\n\r\n', ["17"]);
    expect(sheet.faults).toEqual([]);
    expect(sheet.rows).toEqual([
      {
        line: 2,
        faults: [],
        values: {
          store: "17",
          camera: "till-1",
          address_or_url: "192.0.2.11",
          username: "",
          password: "",
          name: 'Till 1; "left"',
        },
      },
    ]);
  });

  it("needs no heading, and a tab will do", () => {
    const sheet = readSheet("17\ttill-1\trtsp://192.0.2.11/a\tv\tp", ["17"]);
    expect(sheet.rows[0]?.values.password).toBe("p");
    expect(sheet.rows[0]?.line).toBe(1);
  });

  it("says for each line what is wrong, before anything is tried", () => {
    const text = "store,camera,url\n99,a,192.0.2.1\n17,b b,192.0.2.1\n17,c,192.0.2.999\n17,d,192.0.2.2\n17,d,192.0.2.3";
    const faults = readSheet(text, ["17"]).rows.map((each) => each.faults.join("; "));
    expect(faults[0]).toBe("no store “99” here");
    expect(faults[1]).toMatch(/camera id is not/);
    expect(faults[2]).toBe("this is no IP address");
    expect(faults[3]).toBe("");
    expect(faults[4]).toBe("the same camera as line 5");
  });

  it("says which columns it misses or does not know", () => {
    const sheet = readSheet("store,camera,colour\n17,a,red", ["17"]);
    expect(sheet.faults).toEqual([
      "There is no column “address_or_url”.",
      "The column “colour” is not known and is left out.",
    ]);
    expect(readSheet("store,camera,url\n", ["17"]).faults).toEqual(["There is only the heading."]);
    expect(readSheet("", []).rows).toEqual([]);
  });

  it("is sent with commas and quotes where they are needed", () => {
    const text = 'store,camera,url,username,password,name\n17,a,192.0.2.1,v,"p,""x""",A';
    const sent = writeSheet(readSheet(text, ["17"]).rows);
    expect(sent.split("\n")[1]).toBe('17,a,192.0.2.1,v,"p,""x""",A');
    expect(readSheet(sent, ["17"]).rows[0]?.values.password).toBe('p,"x"');
  });
});

describe("an address", () => {
  it("is a host, a host with port, or a URL without a password", () => {
    for (const good of ["192.0.2.7", "cam.shop:8554", "rtsp://192.0.2.7/s1?a=b", "[2001:db8::7]:554", "2001:db8::7"])
      expect(addressFault(good), good).toBeNull();
    expect(addressFault("rtsp://v:p@192.0.2.7/")).toMatch(/their own fields/);
    expect(addressFault("ftp://192.0.2.7/")).toMatch(/rtsp/);
    expect(addressFault("192.0.2")).toMatch(/IP/);
    expect(addressFault("192.0.2.7:70000")).toMatch(/port/);
    expect(addressFault("a b")).toMatch(/space/);
    expect(addressFault("")).toBe("no address");
  });
});

const FORM: CameraForm = {
  store_id: "17",
  camera_id: "till-1",
  name: " Till 1 ",
  url: "rtsp://192.0.2.11/main",
  sub_url: "",
  onvif: "",
  username: "viewer",
  password: "",
  presence: "own",
};

describe("the form of a camera", () => {
  it("says what is missing, field by field", () => {
    expect(cameraFaults(FORM, [], true)).toEqual({});
    const known = [{ store_id: "17", camera_id: "till-1" } as SetCamera];
    expect(cameraFaults(FORM, known, true).camera_id).toMatch(/already/);
    expect(cameraFaults(FORM, known, false)).toEqual({});
    const empty = { ...FORM, store_id: "", camera_id: "", url: "", username: "", password: "x" };
    expect(Object.keys(cameraFaults(empty, [], true)).sort()).toEqual(["camera_id", "store_id", "url", "username"]);
    expect(cameraFaults({ ...FORM, sub_url: FORM.url }, [], true).sub_url).toMatch(/main stream/);
    expect(cameraFaults({ ...FORM, url: "192.0.2.11" }, [], true).url).toMatch(/rtsp/);
    const twin = [{ store_id: "17", camera_id: "till-2", url: FORM.url } as SetCamera];
    expect(cameraFaults(FORM, twin, true).url).toMatch(/till-2 records this stream already/);
    expect(cameraFaults({ ...FORM, camera_id: "till-2" }, twin, false)).toEqual({});
  });

  it("keeps, removes or sets the password", () => {
    expect("password" in cameraDraft({ ...FORM, password: null }, 3)).toBe(false);
    expect(cameraDraft({ ...FORM, password: "" }).password).toBeNull();
    expect(cameraDraft({ ...FORM, password: "s" }).password).toBe("s");
    expect(cameraDraft(FORM, 3)).toMatchObject({ name: "Till 1", sub_url: null, version: 3 });
  });

  it("suggests an id that the store does not have", () => {
    expect(suggestId([], "192.0.2.17")).toBe("cam-17");
    expect(suggestId([{ camera_id: "cam-17" }], "rtsp://192.0.2.17/s")).toBe("cam-17-1");
    expect(suggestId([], "door-cam.shop.example")).toBe("door-cam");
  });
});

describe("what a camera sends", () => {
  const stream: Stream = {
    which: "main",
    codec: "H.264",
    width: 1920,
    height: 1080,
    fps: 25,
    gop_seconds: 2,
    kbit_s: 4100,
  };

  it("is said in words, as far as it is known", () => {
    expect(streamWords(stream)).toBe("H.264 1920×1080, 25 fps, key frame each 2 s, 4.1 Mbit/s");
    expect(streamWords({ ...stream, width: null, fps: null, gop_seconds: null, kbit_s: null })).toBe("H.264");
    expect(streamWords(undefined)).toBe("Not known yet");
  });

  it("comes with advice where something is to be minded", () => {
    expect(streamAdvice(stream)).toBeNull();
    expect(streamAdvice({ ...stream, gop_seconds: 10 })).toMatch(/key frame/);
    expect(streamAdvice({ ...stream, which: "sub", codec: "H.265" })).toMatch(/H\.264/);
  });

  it("has a clock that is in step, ahead or behind", () => {
    expect(clockDifference(null).text).toBe("Not measured");
    expect(clockDifference(-120_000)).toEqual({ text: "In step", off: false });
    expect(clockDifference(-41_200_000)).toEqual({ text: "41 s behind", off: true });
    expect(clockDifference(1_300_000)).toEqual({ text: "1.3 s ahead", off: false });
    expect(clockDifference(3_600_000_000).text).toBe("60 min ahead");
  });
});

describe("stores and users", () => {
  it("say what is wrong before they are sent", () => {
    const store = { store_id: "17", name: "A", tz: "UTC", currency: "USD", day_ends: "04:00", closes: null };
    expect(storeFaults(store, [], true)).toEqual({});
    const bad = { ...store, name: " ", tz: "", currency: "US", day_ends: "24:00", closes: "9:30" };
    expect(Object.keys(storeFaults(bad, [], true)).sort()).toEqual(["closes", "currency", "day_ends", "name", "tz"]);
    const user = { name: "ann", role: "manager" as const, stores: [], email: null, operator_id: null, disabled: false };
    expect(userFaults(user, null, [], true).stores).toMatch(/at least one/);
    expect(userFaults({ ...user, role: "analyst" }, null, [], true)).toEqual({});
    expect(userFaults({ ...user, role: "analyst" }, [], [], true).stores).toMatch(/Tick/);
    expect(userFaults({ ...user, email: "x" }, ["17"], [], true).email).toBeDefined();
  });

  it("know the last administrator", () => {
    const admin = { name: "anna", role: "admin", disabled: false } as SetUser;
    const other = { name: "bob", role: "admin", disabled: true } as SetUser;
    expect(isLastAdmin(admin, [admin, other])).toBe(true);
    expect(isLastAdmin(admin, [admin, { ...other, disabled: false }])).toBe(false);
  });
});

describe("time zones", () => {
  it("are all there, with the time there at that instant", () => {
    const at = new Date("2026-11-27T01:30:00Z");
    expect(timeZone("America/Chicago", at)).toMatchObject({ offset: -360, now: "19:30", region: "America" });
    expect(timeZone("Asia/Kathmandu", at)).toMatchObject({ offset: 345, now: "07:15" });
    expect(timeZone("No/Where", at)).toBeNull();
    expect(offsetWords(-210)).toBe("UTC−03:30");
    const all = timeZones(at, ["Asia/Calcutta"]);
    expect(all.length).toBeGreaterThan(400);
    expect(all.some((each) => each.id === "UTC")).toBe(true);
  });
});

describe("tokens and feeds", () => {
  it("name the log-in that a token will have", () => {
    expect(loginOf({ kind: "integrator", owner: "acme", name: "till-room" })).toBe("acme.till-room");
    expect(loginOf({ kind: "person", owner: "anna", name: "cron" })).toBe("anna.http.cron");
    expect(loginOf({ kind: "metrics", name: "prom" })).toBe("metrics.prom");
    expect(tokenFaults({ kind: "sql", owner: "anna", name: "Power BI" }, null).name).toBeDefined();
    expect(tokenFaults({ kind: "integrator", owner: "acme", name: "a" }, []).stores).toBeDefined();
  });

  it("mark the lines of a record that pointers name", () => {
    const text = '{"kind":"SELL","lines":[{"a/b":1},{"qty":1.5}],"nested":{"kind":"x"}}';
    const problems = [
      { pointer: "/kind", detail: "" },
      { pointer: "/lines/1/qty", detail: "" },
      { pointer: "/lines/0/a~1b", detail: "" },
    ];
    const lines = marked({ text, problems }).filter((each) => each.marked);
    expect(lines.map((each) => each.text.trim())).toEqual(['"kind": "SELL",', '"a/b": 1', '"qty": 1.5']);
    expect(marked({ text: "not json", problems })).toEqual([{ text: "not json", marked: false }]);
  });

  it("tell one record from many, and say where it is no JSON", () => {
    expect(readRecords('{"a":1}')).toEqual({ lines: false, count: 1, fault: null });
    expect(readRecords("[{},{}]").count).toBe(2);
    expect(readRecords('{"a":1}\n{"a":2}\n')).toEqual({ lines: true, count: 2, fault: null });
    expect(readRecords('{"a":').fault).toMatch(/not JSON/);
    expect(readRecords("  ").fault).toBeNull();
  });

  it("say delays, also before zero", () => {
    expect(milli(640)).toBe("640 ms");
    expect(milli(-3200)).toBe("−3.2 s");
    expect(milli(300_000)).toBe("5 min");
    expect(lagWords({ p50_ms: 3200, p95_ms: 12_000, of: 9 })).toBe("3.2 s behind; 5 in 100 more than 12.0 s");
    expect(lagWords({ p50_ms: 640, p95_ms: 640, of: 1 })).toBe("640 ms behind");
    expect(lagWords({ p50_ms: -2000, p95_ms: -2000, of: 1 })).toBe("2.0 s ahead: the till’s clock is fast");
  });

  it("say numbers that are missing as spans, the first of them", () => {
    const spans = [
      { first: 6, last: 8 },
      { first: 11, last: 11 },
    ];
    expect(spansWords(spans)).toBe("6–8, 11");
    expect(spansWords(spans, 1)).toBe("6–8 and 1 more");
    expect(spansWords([])).toBe("");
  });
});
