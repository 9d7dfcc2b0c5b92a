import type { Overview } from "#/api/schema";
import { changeWords, mendable } from "#/features/overview/view";
import { fixerWords, ownersWords, partWords, type Topic } from "#/features/overview/words";
import { percent } from "#/lib/format";
import { money, rounded } from "#/lib/money";
import { categoryWords } from "#/lib/work";
import { Card } from "#/ui/Card";
import { Fig } from "#/ui/controls";

const SHOWN = 5;

interface MendCardProps {
  overview: Overview;
  decimals: number;
  onHow: (topic: Topic) => void;
}

/** What was wasted, by reason: how much, who can mend it, and how. */
export function MendCard({ overview, decimals, onHow }: MendCardProps) {
  const parts = mendable(overview);
  const amount = (nanos: number) => rounded(nanos, overview.currency, decimals);
  return (
    <Card
      title="Waste, and who can mend it"
      aside={parts.length > 0 ? "by money" : undefined}
      foot={
        parts.length > SHOWN
          ? `${parts.length - SHOWN} smaller reasons: ${amount(parts.slice(SHOWN).reduce((sum, part) => sum + part.cost_nanos, 0))}`
          : undefined
      }
    >
      {parts.length === 0 ? (
        <p className="mute">Nothing was wasted.</p>
      ) : (
        <ul className="todo">
          {parts.slice(0, SHOWN).map((part) => (
            <li key={part.name}>
              <div className="h">
                <span>
                  <i className={`sw ${categoryWords(part.name).look}`} /> {partWords(part)}
                </span>
                <Fig label={partWords(part)} onOpen={() => onHow(part.waste ? "waste" : "unseen")}>
                  {amount(part.cost_nanos)}
                </Fig>
              </div>
              <p className="mute small">
                {part.advice} For {part.owners.length > 0 ? ownersWords(part, amount) : fixerWords(part.fixer)}.
              </p>
              <p className="mute small">
                {percent(overview.total_nanos > 0 ? part.cost_nanos / overview.total_nanos : undefined)} of spend,{" "}
                {part.before_nanos === 0
                  ? "nothing before"
                  : `${changeWords(part.cost_nanos, part.before_nanos)} against ${money(part.before_nanos, overview.currency, decimals)} before`}
              </p>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
