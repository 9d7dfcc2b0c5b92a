/** Patterns that charts refer to by name; stands once in the page. */
export function Patterns() {
  return (
    <svg className="defs" aria-hidden="true" focusable="false">
      <title>Patterns</title>
      <defs>
        <pattern id="p-idle" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect className="bgf" width="5" height="5" />
          <path className="ink" d="M.7 0V5" strokeWidth="1.4" />
        </pattern>
        <pattern id="p-gpu" width="5" height="5" patternUnits="userSpaceOnUse">
          <rect className="bgf" width="5" height="5" />
          <circle className="dotf" cx="2.5" cy="2.5" r="1.15" />
        </pattern>
        <pattern id="p-lost" width="5" height="5" patternUnits="userSpaceOnUse">
          <rect className="lostbg" width="5" height="5" />
          <path className="lostink" d="M.7 0V5" strokeWidth="1.4" />
        </pattern>
      </defs>
    </svg>
  );
}

/** The mark beside the name. */
export function Mark() {
  return (
    <svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">
      <path d="M2 4h9M2 9h6M2 14h8" stroke="currentColor" strokeWidth="2" strokeLinecap="round" opacity=".45" />
      <path d="M15 4h1M12 9h4M14 14h2" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />
    </svg>
  );
}
