/** A run of characters of one look; plain text has no kind. */
export interface Token {
  text: string;
  kind?: "keyword" | "string" | "comment";
}

const KEYWORDS = new Set(
  (
    "and as assert async await break class continue def del elif else except finally for from global if import in is " +
    "lambda nonlocal not or pass raise return try while with yield True False None"
  ).split(" "),
);

const OPENING = /(?:\b[rRbBuUfF]{1,2})?("""|'''|"|')/y;
const WORD = /[A-Za-z_]\w*/y;

/** Colours Python source: one list of tokens per line. Strings may span lines; everything else ends with its line. */
export function highlight(source: string): Token[][] {
  const lines: Token[][] = [];
  let open: string | undefined;
  for (const line of source.split(/\r\n|\n|\r/)) {
    const tokens: Token[] = [];
    let at = 0;
    let plain = "";
    const flush = () => {
      if (plain) tokens.push({ text: plain });
      plain = "";
    };
    while (at < line.length) {
      if (open) {
        const end = closing(line, at, open);
        flush();
        tokens.push({ text: line.slice(at, end ?? line.length), kind: "string" });
        at = end ?? line.length;
        if (end !== undefined) open = undefined;
        continue;
      }
      if (line[at] === "#") {
        flush();
        tokens.push({ text: line.slice(at), kind: "comment" });
        break;
      }
      OPENING.lastIndex = at;
      const quote = OPENING.exec(line);
      if (quote?.[1]) {
        flush();
        const from = at + quote[0].length;
        const end = closing(line, from, quote[1]);
        tokens.push({ text: line.slice(at, end ?? line.length), kind: "string" });
        at = end ?? line.length;
        if (end === undefined && quote[1].length === 3) open = quote[1];
        continue;
      }
      WORD.lastIndex = at;
      const word = WORD.exec(line)?.[0];
      if (word) {
        if (KEYWORDS.has(word)) {
          flush();
          tokens.push({ text: word, kind: "keyword" });
        } else {
          plain += word;
        }
        at += word.length;
        continue;
      }
      plain += line[at];
      at += 1;
    }
    flush();
    lines.push(tokens);
  }
  return lines;
}

/** Index just past the quote that closes a string begun before `from`; undefined where the line ends first. */
function closing(line: string, from: number, quote: string): number | undefined {
  for (let at = from; at < line.length; at += 1) {
    if (line[at] === "\\") at += 1;
    else if (line.startsWith(quote, at)) return at + quote.length;
  }
  return undefined;
}
