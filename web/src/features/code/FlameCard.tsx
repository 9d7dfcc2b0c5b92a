import { useCallback, useMemo, useState } from "react";
import { WHOLE } from "#/features/code/tree";
import { LOOKS, lookClass, lookWords } from "#/features/code/words";
import { type Branch, find, type Look } from "#/features/flame/branch";
import { Flame } from "#/features/flame/Flame";
import { FlameTable } from "#/features/flame/FlameTable";
import { count, percent } from "#/lib/format";
import { fitted, money } from "#/lib/money";
import { Card } from "#/ui/Card";
import { Button } from "#/ui/controls";

interface FlameCardProps {
  root: Branch;
  title: string;
  currency: string;
  decimals: number;
  zoom: string | undefined;
  chosen: ReadonlySet<string>;
  search: string;
  loaded: boolean;
  onZoom: (branch: Branch) => void;
  onSearch: (text: string) => void;
}

/** The picture of the bill, what a search finds in it, and the same as a table. */
export function FlameCard(props: FlameCardProps) {
  const { root, title, currency, decimals, zoom, chosen, search, loaded, onZoom, onSearch } = props;
  const [asTable, setAsTable] = useState(false);
  const found = useMemo(() => find(root, search), [root, search]);
  const amount = useCallback(
    (branch: Branch) => fitted(branch.shown, branch.nanos, currency, decimals),
    [currency, decimals],
  );
  const share = (nanos: number) => percent(root.nanos > 0 ? nanos / root.nanos : undefined);
  const sentence = (branch: Branch) =>
    `${branch.names[0]}: ${money(branch.nanos, currency, EXACT)}${branch.id === WHOLE ? "" : `, ${share(branch.nanos)} of the bill`}`;
  return (
    <Card
      title={title}
      aside={loaded ? "width is money; idle stays apart here" : "file, function, line, operation; width is money"}
      actions={<Key root={root} />}
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
        amount={amount}
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
