import type { DemoSite } from './site'

type DeviceGate = (...argv: string[]) => Promise<string>

/** What to try, as commands that can be pasted. */
export async function guide(site: DemoSite, deviceGate: DeviceGate): Promise<string> {
  const login = async (user: string, device: string): Promise<string> =>
    `'${await deviceGate('tag', 'issue', `${user}@example.com`, device)}:demo'`
  const imap = async (user: string, device: string): Promise<string> =>
    `curl -sv "imap://127.0.0.1:${site.imapPort}/INBOX;MAILINDEX=1" --user ${await login(user, device)}`
  const gate = 'demo/device-gate'

  return `
Device Gate demo: Haraka with the plugin on imap://127.0.0.1:${site.imapPort} and smtp://127.0.0.1:${site.smtpPort},
a demo mail server behind it, 20 devices, and the Friday mandate in force. Ctrl-C ends it; its log is demo/haraka.log.

A user name here carries the signed tag of its device: user#device.signature. Every password is "demo".
Try, in another terminal, in this directory:

1. Anna's iPhone is clean: it reads its mail.
   ${await imap('anna', 'anna-iphone')}

2. Ben's Android phone carries an app that will be forbidden next week: it reads, and is warned (see [ALERT]).
   ${await imap('ben', 'ben-pixel')}

3. Carol's iPhone carries the forbidden app, and the deadline has passed: it is refused, and told why (see [ALERT]).
   ${await imap('carol', 'carol-iphone')}

4. Carol's laptop has it too, but the mandate is for phones: it reads.
   ${await imap('carol', 'carol-laptop')}

5. Carol's iPhone may not submit mail either (550 5.7.1 at MAIL FROM).
   curl -sv "smtp://127.0.0.1:${site.smtpPort}" --user ${await login('carol', 'carol-iphone')} --login-options AUTH=PLAIN \\
     --mail-from carol@example.com --mail-rcpt anna@example.com -T demo/letter.eml

6. Why? Who else? What was logged?
   ${gate} why carol@example.com
   ${gate} blocked
   ${gate} blocks

7. The order was a mistake: take it back, and command 3 works at once.
   ${gate} mode off --reason "sent in error"

8. On again after all. That blocks 4 devices anew, more than passes unasked: without --confirm 4 it is refused.
   ${gate} mode policy --reason "on again after all" --confirm 4

9. Or edit demo/config/device_gate_policy.yaml, say the deadline of the Friday mandate: live within a second.

10. The same in a browser: sign in at http://127.0.0.1:${site.adminPort} with the token that this prints, and paste a decision id of step 3.
   ${gate} token issue admin --role approver

`
}
