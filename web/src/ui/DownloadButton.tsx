import { Button } from "#/ui/controls";

/** Saves a text as a file; it is made only when it is asked for. */
export function DownloadButton({ name, label, text }: { name: string; label: string; text: () => string }) {
  const save = () => {
    const url = URL.createObjectURL(new Blob([text()], { type: "text/csv;charset=utf-8" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <Button small onClick={save}>
      {label}
    </Button>
  );
}
