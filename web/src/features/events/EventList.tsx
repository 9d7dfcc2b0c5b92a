import { useState } from "react";
import type { Event } from "#/api/schema";
import { type Clock, moment } from "#/lib/time";
import { Card } from "#/ui/Card";
import { Button } from "#/ui/controls";

/** Events shown before the rest is asked for. */
const FIRST_EVENTS = 8;

/** What happened to the cluster, newest first. */
export function EventList({ events, clock }: { events: readonly Event[]; clock: Clock }) {
  const [all, setAll] = useState(false);
  const shown = all ? events : events.slice(0, FIRST_EVENTS);
  return (
    <Card
      title="Events"
      actions={
        events.length > FIRST_EVENTS && (
          <Button small onClick={() => setAll(!all)} aria-expanded={all}>
            {all ? "Fewer" : `All ${events.length}`}
          </Button>
        )
      }
    >
      {events.length === 0 ? (
        <p className="mute">Nothing has happened yet.</p>
      ) : (
        <table className="events">
          <caption className="vh">Events, newest first</caption>
          <tbody>
            {shown.map((event) => (
              <tr key={event.id}>
                <td className="t mute">{moment(event.at, clock, true)}</td>
                <td className={/fail|error|lost|refus/.test(event.kind) ? "bad" : undefined}>
                  {event.message || event.kind}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}
