import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState, Prec } from "@codemirror/state";
import { drawSelection, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { type Ref, useEffect, useImperativeHandle, useRef } from "react";
import looks from "#/features/sql/editor.css?inline";
import type { SqlEditorHandle } from "#/features/sql/handle";

/** The colours are those of source elsewhere, so that both themes have them. */
const LOOK = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], class: "keyword" },
  { tag: [tags.string, tags.special(tags.string)], class: "string" },
  { tag: [tags.lineComment, tags.blockComment, tags.comment], class: "comment" },
  { tag: [tags.number, tags.bool, tags.null], class: "number" },
]);

export interface SqlEditorProps {
  ref: Ref<SqlEditorHandle>;
  initial: string;
  /** Tables with their columns, to complete. */
  schema: Record<string, string[]>;
  onRun: () => void;
}

/** Where a statement is written. Tab leaves it, as everywhere on the pages. */
export function SqlEditor({ ref, initial, schema, onRun }: SqlEditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const run = useRef(onRun);
  const language = useRef(new Compartment());
  const begin = useRef(initial);
  const known = useRef(schema);
  useEffect(() => {
    run.current = onRun;
  });
  useEffect(() => {
    if (!place.current) return;
    // Within a shadow tree the editor's styles are objects; elsewhere it would write them into the page, which its content policy forbids.
    const root = place.current.shadowRoot ?? place.current.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(looks);
    root.adoptedStyleSheets = [sheet];
    const made = new EditorView({
      parent: root,
      root,
      state: EditorState.create({
        doc: begin.current,
        extensions: [
          Prec.highest(
            keymap.of([
              {
                key: "Mod-Enter",
                run: () => {
                  run.current();
                  return true;
                },
              },
            ]),
          ),
          lineNumbers(),
          history(),
          drawSelection(),
          bracketMatching(),
          closeBrackets(),
          autocompletion(),
          keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap]),
          language.current.of(sql({ dialect: PostgreSQL, schema: known.current })),
          syntaxHighlighting(LOOK),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": "Statement", "aria-keyshortcuts": "Control+Enter" }),
        ],
      }),
    });
    view.current = made;
    return () => {
      begin.current = made.state.doc.toString();
      made.destroy();
    };
  }, []);
  useEffect(() => {
    known.current = schema;
    view.current?.dispatch({ effects: language.current.reconfigure(sql({ dialect: PostgreSQL, schema })) });
  }, [schema]);
  useImperativeHandle(ref, () => ({
    text: () => view.current?.state.doc.toString() ?? begin.current,
    replace: (text) => {
      const made = view.current;
      made?.dispatch({ changes: { from: 0, to: made.state.doc.length, insert: text } });
      made?.focus();
    },
    insert: (text) => {
      const made = view.current;
      made?.dispatch(made.state.replaceSelection(text));
      made?.focus();
    },
  }));
  return <div className="editor" ref={place} />;
}
