import { useCallback, useMemo, useState } from "react";
import { WHOLE } from "#/features/code/tree";
import { LOOKS, lookClass, lookWords } from "#/features/code/words";
import { type Branch, find, type Look } from "#/features/flame/branch";
import { Flame } from "#/features/flame/Flame";
import { FlameTable } from "#/features/flame/FlameTable";
import { type Both, toneOf } from "#/features/flame/tone";
import { count, percent } from "#/lib/format";
import { fitted, money, signed, unitOf } from "#/lib/money";
import { Card } from "#/ui/Card";
import { Button, Segments } from "#/ui/controls";

interface FlameCardProps {
  root: Branch;
  title: string;
  currency: string;
  decimals: number;
  zoom: string | undefined;
  chosen: ReadonlySet<string>;
  search: string;
  loaded: boolean;
  /** What each branch cost in what this is compared with, where it is. */
  change?: PaintedChange | undefined;
  onZoom: (branch: Branch) => void;
  onSearch: (text: string) => void;
}

/** A comparison that boxes can be painted by. */
export interface PaintedChange {
  both: (branch: Branch) => Both;
  /** What this is compared with: "1–19 Oct 2026". */
  against: string;
  painted: boolean;
  onPaint: (painted: boolean) => void;
}

const PAINT_OPTIONS = [
  ["work", "Work"],
  ["change", "Change"],
] as const;

/** The picture of the bill, what a search finds in it, and the same as a table. */
export function FlameCard(props: FlameCardProps) {
  const { root, title, currency, decimals, zoom, chosen, search, loaded, change, onZoom, onSearch } = props;
  const [asTable, setAsTable] = useState(false);
  const found = useMemo(() => find(root, search), [root, search]);
  const amount = useCallback(
    (branch: Branch) => fitted(branch.shown, branch.nanos, currency, decimals),
    [currency, decimals],
  );
  const both = change?.painted ? change.both : undefined;
  const label = useCallback(
    (branch: Branch) => (both ? changeWords(both(branch), currency, decimals) : amount(branch)),
    [both, amount, currency, decimals],
  );
  const tone = useMemo(() => both && ((branch: Branch) => toneOf(both(branch))), [both]);
  const share = (nanos: number) => percent(root.nanos > 0 ? nanos / root.nanos : undefined);
  const sentence = (branch: Branch) =>
    `${branch.names[0]}: ${money(branch.nanos, currency, EXACT)}${branch.id === WHOLE ? "" : `, ${share(branch.nanos)} of the bill`}${
      change ? `; ${changeWords(change.both(branch), currency, decimals)} against ${change.against}` : ""
    }`;
  return (
    <Card
      title={title}
      aside={loaded ? "width is money; idle stays apart here" : "file, function, line, operation; width is money"}
      actions={
        <>
          {both ? <ChangeKey /> : <Key root={root} />}
          {change && (
            <Segments
              legend="What boxes are painted by"
              name="paint"
              value={change.painted ? "change" : "work"}
              options={PAINT_OPTIONS}
              onChange={(next) => change.onPaint(next === "change")}
            />
          )}
        </>
      }
    >
      {found && (
        <p className="answer" role="status">
          {found.count === 0 ? (
            <>Nothing is named “{search.trim()}”. </>
          ) : (
            <>
              <span className="strong">{money(found.nanos, currency, decimals)}</span>, {share(found.nanos)} of the
              bill, in {count(found.count, "match", "matches")} for “{search.trim()}”.{" "}
            </>
          )}
          <Button small onClick={() => onSearch("")}>
            Clear the search
          </Button>
        </p>
      )}
      <Flame
        root={root}
        label={`${title}: boxes as wide as their money. Arrow keys move, Enter opens, Escape leads back. The same stands in the table below.`}
        zoom={zoom}
        chosen={chosen}
        found={found?.ids}
        amount={label}
        tone={tone}
        sentence={sentence}
        onZoom={onZoom}
      />
      <details className="after" onToggle={(event) => setAsTable(event.currentTarget.open)}>
        <summary className="small">As a table</summary>
        {asTable && <FlameTable root={root} amount={amount} />}
      </details>
    </Card>
  );
}

/** All decimals that nano-units have. */
const EXACT = 9;

/** A change in a few words: by how much, and by which share of what it was. */
function changeWords({ from, to }: Both, currency: string, decimals: number): string {
  if (from <= 0) return to > 0 ? "new" : "±0";
  const part = `${to >= from ? "+" : "−"}${percent(Math.abs(to - from) / from, 0)}`;
  const unit = unitOf(decimals);
  return `${signed(Math.round((to - from) / unit) * unit, currency, decimals)} (${part})`;
}

/** How changes are painted, in words and as they look. */
function ChangeKey() {
  return (
    <span className="key wide">
      <span>
        <span className="sw tone-new" />
        new
      </span>
      <span>
        <span className="sw tone-up" />
        more
      </span>
      <span>
        <span className="sw tone-same" />
        the same
      </span>
      <span>
        <span className="sw tone-down" />
        less
      </span>
    </span>
  );
}

/** The kinds and patterns that the picture holds. */
function Key({ root }: { root: Branch }) {
  const looks = useMemo(() => looksOf(root), [root]);
  return (
    <span className="key wide">
      {LOOKS.filter((look) => looks.has(look)).map((look) => (
        <span key={look}>
          <span className={`sw ${lookClass(look)}`} />
          {lookWords(look)}
        </span>
      ))}
    </span>
  );
}

function looksOf(branch: Branch, looks = new Set<Look>()): ReadonlySet<Look> {
  if (branch.nanos > 0) looks.add(branch.look);
  for (const child of branch.children) looksOf(child, looks);
  return looks;
}
