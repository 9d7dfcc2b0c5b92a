import type { Overview, OverviewPart, OverviewQuestion } from "#/api/schema";
import { count } from "#/lib/format";
import { categoryWords, operationWords } from "#/lib/work";

/** What may be asked about. */
export type Topic = "spent" | "forecast" | "waste" | "unseen" | "payers" | "lines" | "movers" | "anomalies";

/** What a figure is, in words, and which questions of cost stand behind it. */
export const TOPICS: Record<Topic, { title: string; text: string; asks: readonly string[] }> = {
  spent: {
    title: "What was spent",
    text: "Every process of a cluster is paid for from its start to its end at its price per hour. Hours of the period are added up, each exact to the billionth; days begin in the organisation's zone. Figures on this page are rounded so that they add up.",
    asks: ["where the money went", "where it went before", "spend by day, and the forecast"],
  },
  forecast: {
    title: "The forecast",
    text: "Days to come are expected to be like those before: the level of the last weeks, which fades with a half-life of ten days, times the shape of the week. The interval is measured: the same rule was applied to the past, once for each day on which it could have been, and the errors that it would have made set the bounds, so that the end should lie between them four times out of five.",
    asks: ["spend by day, and the forecast"],
  },
  waste: {
    title: "Waste",
    text: "Idle time, overhead, and work that was lost with its worker: all that was paid for and brought nothing. What was not observed is not called waste, nor is work that could have been cheaper.",
    asks: ["where the money went", "where it went before", "whose the waste is"],
  },
  unseen: {
    title: "Not observed",
    text: "Time that was paid for and of which no report says what it was: the agent was absent, or its reports were lost. It is never spread over lines and never called idle.",
    asks: ["where the money went"],
  },
  payers: {
    title: "Who spent",
    text: "A cluster's cost is its owner's, or that of the group which it was started for. The parts of a day add up to the day.",
    asks: ["spend by group", "spend by user", "who spent when, and what was unusual"],
  },
  lines: {
    title: "The dearest lines",
    text: "Work is on the line that created it; where that is not known, on the line that submitted it. Its kind, its owner and its source are those of most of its money.",
    asks: ["the dearest lines", "whose the dearest lines are", "lines that changed, before"],
  },
  movers: {
    title: "What changed",
    text: "The period so far against as much of the one before, by money, whichever way it went. Both figures are metered.",
    asks: [
      "spend by group",
      "spend by group before",
      "spend by user",
      "spend by user before",
      "where the money went",
      "where it went before",
      "lines that changed",
      "lines that changed, before",
    ],
  },
  anomalies: {
    title: "Unusual days",
    text: "A day is unusual if it stands out from the days of the eight weeks before by six times their spread, by five times the spread of their logarithms, costs a quarter more than the dearest of them, and exceeds what is usual by a tenth of everybody's usual day. Median and deciles measure the usual and the spread, so that odd days of the past do not. At most five are shown.",
    asks: [
      "spend by day, and the forecast",
      "who spent when, and what was unusual",
      "what was done when, and what was unusual",
    ],
  },
};

/** The questions behind a topic, in its order. */
export function questionsOf(overview: Overview, topic: Topic): OverviewQuestion[] {
  return TOPICS[topic].asks.flatMap((about) => overview.questions.filter((question) => question.about === about));
}

/** Who can do something about a part. */
export function fixerWords(fixer: "owner" | "platform" | ""): string {
  return { owner: "its owner", platform: "the platform", "": "" }[fixer];
}

/** Those who have most of a part: "its owners: ana $310, ben $42 and 2 others". */
export function ownersWords(part: OverviewPart, amount: (nanos: number) => string): string {
  const named = part.owners.map(({ user, cost_nanos: nanos }) => `${user} ${amount(nanos)}`).join(", ");
  const all = part.more_owners > 0 ? `${named} and ${count(part.more_owners, "other")}` : named;
  return `${part.owners.length + part.more_owners > 1 ? "its owners" : fixerWords(part.fixer)}: ${all}`;
}

/** An operation of work or a category of what is none, in words. */
export function workWords(name: string): string {
  return /^(idle|overhead|lost|unknown|unattributed)(\.|$)/.test(name)
    ? categoryWords(name).name
    : operationWords(name);
}

/** A part in words, by its kind: work that no rule names is not what was not observed. */
export function partWords(part: { kind: string; name: string }): string {
  return part.kind === "work" ? operationWords(part.name) : categoryWords(part.name).name;
}

/** What a mover or an anomaly is about. */
export function subjectWords(by: string, key: string): string {
  if (by === "operation") return workWords(key);
  if (key === "") return by === "line" ? "On no line" : by === "" ? "Everything" : `No ${by}`;
  if (by === "line") return key.slice(key.lastIndexOf("/") + 1);
  return key;
}
