import { Link } from "@tanstack/react-router";
import type { Overview } from "#/api/schema";
import { drill } from "#/features/explore/drill";
import { daysOf, daysWords } from "#/features/overview/period";
import { MOVER_DIMENSIONS, type MoverDimension } from "#/features/overview/search";
import { subjectWords, type Topic } from "#/features/overview/words";
import { placeOf } from "#/lib/files";
import { money, signed } from "#/lib/money";
import { Card } from "#/ui/Card";
import { Fig, Segments } from "#/ui/controls";

const WORDS: Record<MoverDimension, string> = { group: "Groups", user: "Users", operation: "Work", line: "Lines" };

interface MoversCardProps {
  overview: Overview;
  decimals: number;
  by: MoverDimension | undefined;
  onBy: (by: MoverDimension) => void;
  onHow: (topic: Topic) => void;
}

/** What costs more or less than before, by money. */
export function MoversCard({ overview, decimals, by, onBy, onHow }: MoversCardProps) {
  const { currency, movers } = overview;
  const options = MOVER_DIMENSIONS.filter((known) => movers.some((list) => list.by === known)).map(
    (known) => [known, WORDS[known]] as const,
  );
  const chosen = movers.find((list) => list.by === by) ?? movers[0];
  const amount = (nanos: number) => (nanos === 0 ? "–" : money(nanos, currency, decimals));
  const before = daysWords(overview.before_start, overview.before_end, overview.zone);
  return (
    <Card
      title="What changed"
      className="w4"
      actions={
        chosen &&
        options.length > 1 && (
          <Segments legend="Changes by" name="movers" value={chosen.by} options={options} onChange={onBy} />
        )
      }
    >
      {!chosen || chosen.items.length === 0 ? (
        <p className="mute">Nothing cost more or less than in {before}.</p>
      ) : (
        <table>
          <caption className="vh">Changes by {chosen.by}, largest first</caption>
          <thead>
            <tr>
              <th scope="col">{WORDS[chosen.by]}</th>
              <th scope="col" className="n">
                Before
              </th>
              <th scope="col" className="n">
                Now
              </th>
              <th scope="col" className="n">
                Change
              </th>
            </tr>
          </thead>
          <tbody>
            {chosen.items.map((item) => (
              <tr key={item.key}>
                <td className="clip" title={item.key}>
                  <Subject overview={overview} by={chosen.by} value={item.key} />
                </td>
                <td className="n mute">{amount(item.before_nanos)}</td>
                <td className="n">{amount(item.cost_nanos)}</td>
                <td className="n strong">
                  <Fig label={`Change of ${subjectWords(chosen.by, item.key)}`} onOpen={() => onHow("movers")}>
                    {signed(item.cost_nanos - item.before_nanos, currency, decimals)}
                  </Fig>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p className="mute small after">Against {before}.</p>
    </Card>
  );
}

/** What changed: leads to what it is made of, a line to its source. */
function Subject({ overview, by, value }: { overview: Overview; by: MoverDimension; value: string }) {
  const days = daysOf(overview);
  const words = subjectWords(by, value);
  const place = by === "line" ? placeOf(value) : undefined;
  const inner = drill(days, [by], [value], overview.by);
  if (place) {
    return (
      <Link className="quiet" to="/code" search={{ ...days, ...place }}>
        {words}
      </Link>
    );
  }
  if (!inner) return words;
  return (
    <Link className="quiet" to="/explore" search={inner}>
      {words}
    </Link>
  );
}
