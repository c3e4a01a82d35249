import type { JSX } from 'preact'

import type { Resource } from '../api/resource'
import type { Feed, Overview } from '../api/types'
import { Badge } from '../ui/badge'
import { Moment } from '../ui/moment'
import { Loaded } from '../ui/notices'
import { count, MODE_WORDS, plural, rate } from '../ui/words'
import { Attention } from './attention'
import { DayChart } from './day-chart'

export const OverviewPage = ({ overview }: { overview: Resource<Overview> }): JSX.Element => (
  <>
    <h1 class="hidden">Overview</h1>
    <Loaded resource={overview} lines={10}>
      {(data) => (
        <div class="overview">
          <Figures of={data} />
          <Attention of={data} />
          <div class="columns">
            <DayChart series={data.series} />
            <Surroundings of={data} />
          </div>
        </div>
      )}
    </Loaded>
  </>
)

function Figures({ of }: { of: Overview }): JSX.Element {
  const { mode, mode_override: override, policy_mode: policyMode, enforcement } = of
  const beside =
    override !== null
      ? `set by ${override.author}; the policy says ${policyMode ?? 'nothing'}`
      : enforcement !== 'policy' && mode !== policyMode
        ? `this host’s enforcement: ${enforcement}; the policy says ${policyMode ?? 'nothing'}`
        : mode === null
          ? 'no policy yet'
          : MODE_WORDS[mode]
  return (
    <dl class="figures">
      <Figure name="Mode" value={mode ?? 'none'} beside={beside} tone={mode === 'enforce' ? '' : 'warn'} />
      <Figure
        name="Policy"
        value={of.policy_version === null ? 'none' : `version ${of.policy_version}`}
        beside={of.policy_source === 'file' ? 'from the policy file' : 'from the fleet’s store'}
      />
      <Figure
        name="Blocked now"
        value={count(of.blocked_now)}
        beside={of.counted_at === null ? 'being counted' : <Counted of={of} />}
        tone={(of.blocked_now ?? 0) > 0 ? 'block' : ''}
      />
      <Figure
        name="Warned now"
        value={count(of.warned_now)}
        beside={of.counted_at === null ? 'being counted' : <Counted of={of} />}
        tone={(of.warned_now ?? 0) > 0 ? 'warn' : ''}
      />
      <Figure
        name="Blocks, 24 h"
        value={count(of.blocks_24h)}
        beside={`${plural(of.would_blocks_24h ?? 0, 'more', 'more')} would have been`}
      />
      <Figure
        name="Decisions"
        value={of.decisions_per_s === null ? '–' : `${rate(of.decisions_per_s)} /s`}
        beside={`${plural(of.sessions, 'session')} in ${plural(of.workers, 'worker')}`}
      />
    </dl>
  )
}

const Counted = ({ of }: { of: Overview }): JSX.Element => <>of {plural(of.devices, 'device')}</>

interface FigureProps {
  readonly name: string
  readonly value: string
  readonly beside: JSX.Element | string
  readonly tone?: string
}

const Figure = ({ name, value, beside, tone = '' }: FigureProps): JSX.Element => (
  <div class={tone}>
    <dt>{name}</dt>
    <dd class="value">{value}</dd>
    <dd class="beside">{beside}</dd>
  </div>
)

/** Hosts, feeds and store: one line each. */
function Surroundings({ of }: { of: Overview }): JSX.Element {
  const unwell = of.hosts.filter(({ standing }) => standing !== 'well')
  return (
    <section class="surroundings" aria-label="Hosts, store and feeds">
      <h2>Hosts, store and feeds</h2>
      <dl class="lines">
        <div>
          <dt>
            <a href="/hosts">Hosts</a>
          </dt>
          <dd>
            {of.hosts.length === 0 ? (
              <>
                {of.store.problem === null ? `${of.host} alone` : `${of.host}; the others are not known`},{' '}
                {of.version}
              </>
            ) : unwell.length === 0 ? (
              <>
                <Badge tone="ok">well</Badge> all {of.hosts.length}
              </>
            ) : (
              <>
                <Badge tone="block">{`${unwell.length} of ${of.hosts.length}`}</Badge>{' '}
                {unwell.map(({ id, host, standing }) => `${host ?? id} is ${standing}`).join(', ')}
              </>
            )}
          </dd>
        </div>
        <div>
          <dt>Store</dt>
          <dd>
            {of.store.problem === null ? (
              <>
                <Badge tone="ok">well</Badge> {of.store.kind}
              </>
            ) : (
              <>
                <Badge tone="block">away</Badge> {of.store.kind}: {of.store.problem}
              </>
            )}
          </dd>
        </div>
        {of.feeds.length === 0 ? (
          <div>
            <dt>Feeds</dt>
            <dd class="muted">
              none; devices come by <code>device-gate device import</code>
            </dd>
          </div>
        ) : (
          of.feeds.map((feed) => <FeedLine key={feed.name} feed={feed} />)
        )}
        <div>
          <dt>
            <a href="/devices">Devices</a>
          </dt>
          <dd>
            {count(of.devices)} known, {plural(of.overrides, 'exemption or lock', 'exemptions and locks')}
          </dd>
        </div>
      </dl>
    </section>
  )
}

const FeedLine = ({
  feed: { name, kind, problem, held, last_good_at: goodAt },
}: {
  feed: Feed
}): JSX.Element => (
  <div>
    <dt>{name}</dt>
    <dd>
      {held ? (
        <>
          <Badge tone="warn">held</Badge> {held.why}; <code>{held.release}</code>
        </>
      ) : problem ? (
        <>
          <Badge tone="block">fails</Badge> {problem.message}
        </>
      ) : (
        <>
          <Badge tone="ok">well</Badge> {kind}
        </>
      )}{' '}
      <Moment at={goodAt} none="nothing taken in yet" />
    </dd>
  </div>
)
