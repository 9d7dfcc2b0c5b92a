import { Link, useLocation } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useLiveClusters } from "#/api/queries/clusters";
import { useSignOut } from "#/api/queries/session";
import type { Me } from "#/api/schema";
import { ZoneContext } from "#/features/shell/zone";
import { applyTheme, savedTheme, type Theme } from "#/lib/theme";
import { Segments } from "#/ui/controls";
import { Mark, Patterns } from "#/ui/Patterns";

const THEME_WORDS = [
  ["auto", "Auto"],
  ["light", "Light"],
  ["dark", "Dark"],
] as const;

/** The frame of every page behind the sign-in: where one can go, the theme, who one is. */
export function Shell({ me, children }: { me: Me; children: ReactNode }) {
  const live = useLiveClusters().data;
  const [theme, setTheme] = useState<Theme>(() => savedTheme(localStorage));
  const signOut = useSignOut();
  const frame = useRef<HTMLElement>(null);
  const path = useLocation({ select: (location) => location.pathname });
  // Where the way around is one line, it is longer than a narrow screen: the current page's name is brought into it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is current changes with the path.
  useEffect(() => {
    frame.current?.querySelector("[aria-current]")?.scrollIntoView?.({ block: "nearest", inline: "center" });
  }, [path]);
  const changeTheme = (next: Theme) => {
    applyTheme(next, document.documentElement, localStorage);
    setTheme(next);
  };
  return (
    <ZoneContext value={me.time_zone}>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <Patterns />
      <div className="shell">
        <header className="side">
          <Link className="brand" to="/">
            <Mark />
            Lineitem
          </Link>
          <nav aria-label="Main" ref={frame}>
            <ul>
              <li>
                <Link
                  to="/"
                  activeOptions={{ exact: true, includeSearch: false }}
                  activeProps={{ "aria-current": "page" }}
                >
                  Overview
                </Link>
              </li>
              <li>
                <Link to="/explore" activeProps={{ "aria-current": "page" }}>
                  Explore
                </Link>
              </li>
              <li>
                <Link to="/code" activeProps={{ "aria-current": "page" }}>
                  Code
                </Link>
              </li>
              <li>
                <Link to="/clusters" activeProps={{ "aria-current": "page" }}>
                  Clusters
                  {live && live.items.length > 0 && (
                    <span className="count">
                      {live.items.length}
                      <span className="vh"> live</span>
                    </span>
                  )}
                </Link>
              </li>
              <li>
                <Link to="/packages" activeProps={{ "aria-current": "page" }}>
                  Packages
                </Link>
              </li>
              {(me.user.role === "admin" || me.groups.length > 0) && (
                <li>
                  <Link to="/groups" activeProps={{ "aria-current": "page" }}>
                    Groups
                  </Link>
                </li>
              )}
              <li>
                <Link to="/sql" activeProps={{ "aria-current": "page" }}>
                  SQL
                </Link>
              </li>
              <li>
                <Link to="/tokens" activeProps={{ "aria-current": "page" }}>
                  Tokens
                </Link>
              </li>
            </ul>
          </nav>
          <div className="foot">
            <Segments legend="Theme" name="theme" value={theme} options={THEME_WORDS} onChange={changeTheme} />
            <span className="mute">
              {me.user.name === me.user.role ? me.user.name : `${me.user.name} · ${me.user.role}`}
              <br />
              {me.organisation}
            </span>
            <button type="button" className="plain mute" onClick={() => signOut.mutate()} disabled={signOut.isPending}>
              Sign out
            </button>
          </div>
        </header>
        <main id="main" tabIndex={-1}>
          {children}
        </main>
      </div>
    </ZoneContext>
  );
}

/** What stands once at the foot of a page: where prices come from, the zone, the version. */
export function Colophon({ me, children }: { me: Me; children?: ReactNode }) {
  return (
    <footer className="colophon">
      {children}
      <span>Prices: {me.rates.source}</span>
      <span>All times in {me.time_zone}</span>
      <span>Lineitem {me.version}</span>
    </footer>
  );
}
