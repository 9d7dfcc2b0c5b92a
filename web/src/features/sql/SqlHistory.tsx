import { Button } from "#/ui/controls";

/** Statements that ran here before: a click brings one back. They are kept in this browser alone. */
export function SqlHistory(props: {
  statements: readonly string[];
  onPick: (statement: string) => void;
  onForget: () => void;
}) {
  if (props.statements.length === 0) {
    return <p className="mute">What you run is listed here, in this browser alone.</p>;
  }
  return (
    <>
      <ol className="sqlhistory">
        {props.statements.map((statement) => (
          <li key={statement}>
            <button
              type="button"
              className="plain mono small"
              title={statement}
              onClick={() => props.onPick(statement)}
            >
              {statement}
            </button>
          </li>
        ))}
      </ol>
      <p className="after">
        <Button small onClick={props.onForget}>
          Forget these
        </Button>
      </p>
    </>
  );
}
