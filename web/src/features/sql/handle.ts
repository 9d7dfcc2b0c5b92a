/** What the page does with the editor. */
export interface SqlEditorHandle {
  text: () => string;
  replace: (text: string) => void;
  insert: (text: string) => void;
}
