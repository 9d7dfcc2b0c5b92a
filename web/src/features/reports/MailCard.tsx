import { type FormEvent, useState } from "react";
import { useReportMail, useSetReportMail } from "#/api/queries/reports";
import type { Me, ReportMail } from "#/api/schema";
import { Failure, words } from "#/features/shell/Failure";
import { Card } from "#/ui/Card";
import { Button } from "#/ui/controls";
import { ErrorNote, SkeletonRows } from "#/ui/states";

/** Lets the reader have their reports mailed, or no more. */
export function MailCard({ me }: { me: Me }) {
  const mail = useReportMail();
  return (
    <Card title="By mail">
      {mail.isPending && <SkeletonRows what="your subscription" rows={2} />}
      {mail.isError && <Failure error={mail.error} what="Your subscription" onRetry={() => mail.refetch()} />}
      {mail.data && <MailForm key={mail.data.address} mail={mail.data} me={me} />}
    </Card>
  );
}

function MailForm({ mail, me }: { mail: ReportMail; me: Me }) {
  const [address, setAddress] = useState(mail.address);
  const set = useSetReportMail();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    set.mutate({ address: address.trim(), weekly: true });
  };
  return (
    <>
      <p className="mute">
        {mail.weekly ? `Mondays at seven, to ${mail.address}: ` : "Mondays at seven you can get "}
        {whichReports(me)}.{!mail.sends && " This server sends no mail yet: its admin starts it with --smtp-address."}
      </p>
      <form className="fields after" onSubmit={submit}>
        <label className="above">
          Address
          <input
            className="field"
            type="email"
            value={address}
            maxLength={254}
            required
            placeholder="ana@example.org"
            onChange={(event) => setAddress(event.target.value)}
          />
        </label>
        <Button
          type="submit"
          look="primary"
          disabled={set.isPending || address.trim() === "" || (mail.weekly && address.trim() === mail.address)}
        >
          {mail.weekly ? "Change" : "Mail me reports"}
        </Button>
        {mail.weekly && (
          <Button disabled={set.isPending} onClick={() => set.mutate({ address: mail.address, weekly: false })}>
            No more mails
          </Button>
        )}
      </form>
      {set.isError && (
        <ErrorNote title="Nothing was changed." message={words(set.error).message} code={words(set.error).code} />
      )}
    </>
  );
}

/** What somebody is mailed. */
function whichReports(me: Me): string {
  const own = me.user.role === "admin" ? "the report of everything" : "the report of your own clusters";
  const led = me.groups.filter(({ role }) => role === "lead").map(({ path }) => path);
  return led.length === 0 ? own : `${own}, and one of each group that you lead (${led.join(", ")})`;
}
