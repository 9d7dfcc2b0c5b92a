import { Link } from "@tanstack/react-router";

/** An address that leads nowhere. */
export function NotFoundPage() {
  return (
    <>
      <title>Not found · Lineitem</title>
      <div className="top">
        <div className="grow">
          <h1>There is no such page</h1>
          <p className="sub">The address may be mistyped, or from another version</p>
        </div>
      </div>
      <main id="main" tabIndex={-1}>
        <p>
          <Link to="/clusters">All clusters</Link>
        </p>
      </main>
    </>
  );
}
