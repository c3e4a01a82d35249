import type { Claim } from '../policy/decision'

/** What became of a user name that may carry a device tag. */
export type TagReading =
  /** No tag in it: `user` is the name as given. */
  | { readonly status: 'none'; readonly user: string }
  | { readonly status: 'valid'; readonly user: string; readonly claim: Claim }
  /** It has the form of a tag and does not verify: treat as a wrong password, tell nobody why. */
  | {
      readonly status: 'invalid'
      readonly user: string
      readonly problem: 'malformed' | 'unknown_key' | 'bad_mac'
    }

/** Reads device tags off user names (`anna@example.com#<device>.<mac>`). */
export interface TagReader {
  read(userName: string): TagReading
}
