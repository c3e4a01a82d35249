/** A person's or device's way past the rules (exemption), or its bolt (lock). Times are epoch milliseconds. */
export interface Override {
  readonly kind: 'exemption' | 'lock'
  readonly subject: { readonly kind: 'device' | 'user'; readonly id: string }
  readonly author: string
  readonly reason: string
  readonly createdAt: number
  /** null: until removed. */
  readonly expiresAt: number | null
}
