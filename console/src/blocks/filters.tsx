import type { JSX } from 'preact'

import { OUTCOMES, PLATFORMS, PROTOCOLS, REASONS } from '../../../src/policy/vocabulary'
import { ChoiceFilter, FilterForm, SwitchFilter, TextFilter } from '../ui/filter-form'
import { PLATFORM_WORDS, reasonName } from '../ui/words'
import { RangeFilter } from './range-filter'

/** The fields of the query that narrow the list. */
export const FILTERS = [
  'user',
  'device',
  'platform',
  'reason',
  'mandate',
  'outcome',
  'enforced',
  'protocol',
  'decision',
  'since',
  'until',
] as const

export const BlockFilters = (): JSX.Element => (
  <FilterForm label="Filter the blocks">
    <TextFilter name="user" label="Person" hint="anna@example.com" />
    <TextFilter name="device" label="Device" />
    <ChoiceFilter
      name="platform"
      label="Platform"
      choices={PLATFORMS.map((one) => [one, PLATFORM_WORDS[one]])}
    />
    <ChoiceFilter name="reason" label="Reason" choices={REASONS.map((one) => [one, reasonName(one)])} />
    <TextFilter name="mandate" label="Mandate" />
    <ChoiceFilter name="outcome" label="Outcome" choices={OUTCOMES.map((one) => [one, one])} />
    <ChoiceFilter
      name="enforced"
      label="Enforced"
      choices={[
        ['true', 'really done'],
        ['false', 'would have been'],
      ]}
    />
    <ChoiceFilter
      name="protocol"
      label="Protocol"
      choices={PROTOCOLS.map((one) => [one, one.toUpperCase()])}
    />
    <TextFilter name="decision" label="Decision" />
    <RangeFilter name="since" label="From" />
    <RangeFilter name="until" label="Until" />
    <SwitchFilter name="fold" label="Fold repeats" />
  </FilterForm>
)
