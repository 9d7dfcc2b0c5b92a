import { Link } from "@tanstack/react-router";

/** An address that leads nowhere. */
export function NotFoundPage() {
  return (
    <main id="main">
      <title>Not found · Lineitem</title>
      <div className="top">
        <div className="grow">
          <h1>There is no such page</h1>
          <p className="sub">The address may be mistyped, or from another version</p>
        </div>
      </div>
      <div className="content">
        <p>
          <Link to="/clusters">All clusters</Link>
        </p>
      </div>
    </main>
  );
}
