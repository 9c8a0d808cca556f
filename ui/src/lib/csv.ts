// A list of cameras as text: read as spreadsheets write it, and looked over before the server tries anything.

export const COLUMNS = ["store", "camera", "address_or_url", "username", "password", "name"] as const;
export type Column = (typeof COLUMNS)[number];

export type CsvRow = { line: number; values: Record<Column, string>; faults: string[] };
export type CsvSheet = { rows: CsvRow[]; faults: string[]; separator: string };

type Cells = { line: number; cells: string[] };

// The fields of each line; quotes may hold separators, line ends and doubled quotes.
export function cells(text: string, separator: string): Cells[] {
  const rows: Cells[] = [];
  let row: string[] = [];
  let field = "";
  let quoted = false;
  let line = 1;
  let began = 1;
  const end = () => {
    row.push(field);
    if (row.some((each) => each.trim() !== "")) rows.push({ line: began, cells: row.map((each) => each.trim()) });
    row = [];
    field = "";
  };
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] ?? "";
    if (quoted) {
      if (letter === '"' && text[at + 1] === '"') {
        field += '"';
        at++;
      } else if (letter === '"') quoted = false;
      else {
        if (letter === "\n") line++;
        field += letter;
      }
    } else if (letter === '"' && field.trim() === "") {
      quoted = true;
      field = "";
    } else if (letter === separator) {
      row.push(field);
      field = "";
    } else if (letter === "\n") {
      end();
      line++;
      began = line;
    } else if (letter !== "\r") field += letter;
  }
  end();
  return rows;
}

function separatorOf(text: string): string {
  const first = text.split("\n").find((line) => line.trim() !== "") ?? "";
  const count = (mark: string) => first.split(mark).length;
  return [",", ";", "\t"].reduce((best, mark) => (count(mark) > count(best) ? mark : best), ",");
}

const NAME = /^[A-Za-z0-9._:-]{1,64}$/;
const ALIASES: Record<string, Column> = {
  address: "address_or_url",
  url: "address_or_url",
  ip: "address_or_url",
  host: "address_or_url",
  store_id: "store",
  camera_id: "camera",
  id: "camera",
  user: "username",
  pass: "password",
};

export function isName(text: string): boolean {
  return NAME.test(text) && !/^\.+$/.test(text);
}

export const NAME_RULE = "1 to 64 letters, digits, “.”, “_”, “:” or “-”, without spaces";

function headerOf(names: string[]): (Column | null)[] | null {
  const found = names.map((each) => {
    const name = each.toLowerCase().replace(/[\s-]+/g, "_");
    return COLUMNS.find((column) => column === name) ?? ALIASES[name] ?? null;
  });
  return found.filter((each) => each !== null).length >= 2 ? found : null;
}

export function readSheet(text: string, stores: readonly string[]): CsvSheet {
  const clean = text.replace(/^\uFEFF/, "");
  const separator = separatorOf(clean);
  const lines = cells(clean, separator);
  const faults: string[] = [];
  const header = lines[0] ? headerOf(lines[0].cells) : null;
  const columns: (Column | null)[] = header ?? [...COLUMNS];
  if (header) {
    for (const need of ["store", "camera", "address_or_url"] as const)
      if (!header.includes(need)) faults.push(`There is no column “${need}”.`);
    lines[0]?.cells.forEach((name, at) => {
      if (header[at] === null && name !== "") faults.push(`The column “${name}” is not known and is left out.`);
    });
  }
  const seen = new Map<string, number>();
  const rows = lines.slice(header ? 1 : 0).map(({ line, cells: fields }): CsvRow => {
    const values = Object.fromEntries(COLUMNS.map((name) => [name, ""])) as Record<Column, string>;
    columns.forEach((name, at) => {
      if (name) values[name] = fields[at] ?? "";
    });
    const wrong: string[] = [];
    if (fields.length > columns.length) wrong.push(`${fields.length} fields where ${columns.length} are expected`);
    if (values.store === "") wrong.push("no store");
    else if (!stores.includes(values.store)) wrong.push(`no store “${values.store}” here`);
    if (values.camera === "") wrong.push("no camera id");
    else if (!isName(values.camera)) wrong.push(`the camera id is not ${NAME_RULE}`);
    const fault = addressFault(values.address_or_url);
    if (fault) wrong.push(fault);
    if (values.password !== "" && values.username === "") wrong.push("a password without a user name");
    const key = `${values.store}/${values.camera}`;
    const first = seen.get(key);
    if (first !== undefined && values.camera !== "") wrong.push(`the same camera as line ${first}`);
    else seen.set(key, line);
    return { line, values, faults: wrong };
  });
  if (rows.length === 0 && clean.trim() !== "") faults.push("There is only the heading.");
  return { rows, faults, separator };
}

// What the server is sent: commas, the known heading.
export function writeSheet(rows: readonly CsvRow[]): string {
  // A line a camera, so that the answers find their lines.
  const quote = (field: string) => {
    const text = field.replace(/[\r\n]+/g, " ");
    return /[",]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  return [COLUMNS.join(","), ...rows.map(({ values }) => COLUMNS.map((name) => quote(values[name])).join(","))].join(
    "\n",
  );
}

// What is wrong with an address (192.0.2.7, cam.shop:8554) or URL (rtsp://…); null when nothing is.
export function addressFault(text: string): string | null {
  if (text === "") return "no address";
  if (/\s/.test(text)) return "the address has a space in it";
  if (/^rtsp:\/\/|^https?:\/\//i.test(text)) {
    let url: URL;
    try {
      // Browsers read hosts of http only.
      url = new URL(text.replace(/^rtsp:/i, "http:"));
    } catch {
      return "this is no URL: rtsp://host[:port]/path";
    }
    if (url.username || url.password) return "name and password go into their own fields, not into the URL";
    return url.hostname ? null : "the URL names no host";
  }
  if (text.includes("://")) return "a camera's URL begins with rtsp://";
  const host = /^\[?([A-Za-z0-9.:_-]+?)\]?(?::(\d{1,5}))?$/.exec(text);
  if (!host) return "neither an address (192.0.2.7) nor a URL (rtsp://…)";
  const [, name = "", port] = host;
  if (port && (Number(port) < 1 || Number(port) > 65_535)) return "the port is not between 1 and 65535";
  if (/^[\d.]+$/.test(name)) {
    const parts = name.split(".");
    if (parts.length !== 4 || parts.some((each) => each === "" || Number(each) > 255)) return "this is no IP address";
  }
  return null;
}

export function isUrl(text: string): boolean {
  return /^[a-z]+:\/\//i.test(text);
}
