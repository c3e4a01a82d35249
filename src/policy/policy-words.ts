import type { Policy } from './policy'
import { actionWords, durationWords, mandateSentence, MODE_WORDS, type Zone } from './words'

/** What a policy says, one plain sentence after the other. */
export const policyWords = (policy: Policy, zone: Zone): string[] => [
  `The mode is ${MODE_WORDS[policy.mode]}.`,
  ...policy.mandates.map((mandate) => mandateSentence(mandate, zone)),
  `Devices that fail device management are ${actionWords(policy.noncompliant)}, in grace ${actionWords(policy.grace)}.`,
  `Devices that nobody reported are ${actionWords(policy.unknown)}.`,
  `Devices not heard of for ${durationWords(policy.stale.afterMs)} are ${actionWords(policy.stale.action)}.`,
]
