/** How a table is ordered: a column, descending with a minus before it, as it stands in the address. */
export type Order<Column extends string> = Column | `-${Column}`;

interface SortHeaderProps<Column extends string> {
  column: Column;
  words: string;
  order: Order<Column>;
  /** Which way a first press sorts: money dearest first, names from a to z. */
  first: "up" | "down";
  number?: boolean;
  className?: string;
  onOrder: (order: Order<Column>) => void;
}

/** A column header that sorts. */
export function SortHeader<Column extends string>(props: SortHeaderProps<Column>) {
  const { column, order, first } = props;
  const direction = order === column ? "ascending" : order === `-${column}` ? "descending" : undefined;
  const begin: Order<Column> = first === "up" ? column : `-${column}`;
  const other: Order<Column> = first === "up" ? `-${column}` : column;
  return (
    <th
      scope="col"
      aria-sort={direction ?? "none"}
      className={[props.number && "n", props.className].filter(Boolean).join(" ")}
    >
      <button type="button" className="plain sort" onClick={() => props.onOrder(order === begin ? other : begin)}>
        {props.words}
        {direction && <span aria-hidden="true">{direction === "ascending" ? "↑" : "↓"}</span>}
      </button>
    </th>
  );
}
