import type { Overview } from "#/api/schema";
import type { Topic } from "#/features/overview/words";
import { subjectWords } from "#/features/overview/words";
import { signed } from "#/lib/money";
import { Card } from "#/ui/Card";
import { Fig } from "#/ui/controls";

interface AnomaliesCardProps {
  overview: Overview;
  decimals: number;
  onHow: (topic: Topic) => void;
}

/** Days that cost far more than any before: few, each with its reason. */
export function AnomaliesCard({ overview, decimals, onHow }: AnomaliesCardProps) {
  const { anomalies, currency } = overview;
  return (
    <Card title="Unusual days" aside={anomalies.length > 0 ? "against the eight weeks before" : undefined}>
      {anomalies.length === 0 ? (
        <p className="mute">No day of this period stands out from the weeks before it.</p>
      ) : (
        <ul className="todo">
          {anomalies.map((anomaly) => (
            <li key={`${anomaly.by} ${anomaly.key} ${anomaly.first_day}`}>
              <div className="h">
                <span>{subjectWords(anomaly.by, anomaly.key)}</span>
                <Fig label={`Unusual: ${subjectWords(anomaly.by, anomaly.key)}`} onOpen={() => onHow("anomalies")}>
                  {signed(anomaly.cost_nanos - anomaly.usual_nanos, currency, decimals)}
                </Fig>
              </div>
              <p className="mute small">{anomaly.sentence}</p>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
