import assert from 'node:assert/strict'

import { platformHint } from '../../src/identity/platform-hint'
import type { Platform } from '../../src/policy/vocabulary'

describe('the platform that a client names in IMAP ID', () => {
  const clients: readonly (readonly [
    client: string,
    id: Readonly<Record<string, string>>,
    Platform | null,
  ])[] = [
    [
      'iOS Mail on an iPhone',
      { name: 'iPhone Mail', version: '21B101', os: 'iOS', 'os-version': '17.1.2 (21B101)' },
      'ios',
    ],
    [
      'iOS Mail on an iPad',
      { name: 'iPad Mail', version: '21B101', os: 'iOS', 'os-version': '17.1.2 (21B101)' },
      'ios',
    ],
    ['iPadOS', { name: 'iPad Mail', os: 'iPadOS' }, 'ios'],
    [
      'Apple Mail on a Mac',
      {
        name: 'Mac OS X Mail',
        version: '16.0 (3696.80.82.1.1)',
        os: 'Mac OS X',
        'os-version': '12.3 (21E230)',
        vendor: 'Apple Inc.',
      },
      'macos',
    ],
    ['Apple Mail under its newer name', { name: 'macOS Mail', os: 'macOS', vendor: 'Apple Inc.' }, 'macos'],
    [
      "Gmail's app on Android",
      {
        name: 'com.google.android.gm',
        os: 'android',
        'os-version': '13; TQ3A.230901.001',
        vendor: 'Google',
        'x-android-device-model': 'Pixel 6',
        AGUID: 'x',
      },
      'android',
    ],
    [
      "Android's own mail app",
      { name: 'com.android.email', os: 'android', 'os-version': '4.4; KRT16S' },
      'android',
    ],
    [
      "Samsung's mail app",
      { name: 'com.samsung.android.email.provider', os: 'android', vendor: 'samsung' },
      'android',
    ],
    ['K-9 Mail, which is for Android only', { name: 'K-9 Mail', version: '6.800' }, 'android'],
    ['Thunderbird, which does not say', { name: 'Thunderbird', version: '115.3.1' }, null],
    ['Outlook on a Mac', { name: 'Microsoft Outlook for Mac', version: '16.78' }, 'macos'],
    ['Outlook, which is on everything', { name: 'Microsoft Outlook', version: '16.0' }, null],
    [
      'a Windows client that says so',
      { name: 'eM Client', os: 'Windows 10', vendor: 'eM Client s.r.o.' },
      'windows',
    ],
    ['a Linux client that says so', { name: 'Evolution', os: 'Linux' }, 'linux'],
    ['a Chromebook', { name: 'Mail', os: 'CrOS x86_64' }, 'chromeos'],
    ['Android that names the Linux below it', { name: 'Mail', os: 'Linux; Android 13' }, 'android'],
    ['one app for two systems', { name: 'Outlook-iOS-Android/1.0' }, null],
    ['an os that says more than a name', { name: 'Mail for Windows and Android', os: 'iOS' }, 'ios'],
    ['words that only look alike', { name: 'Studios Darwinian Winter', os: 'BIOS' }, null],
    ['nothing at all', {}, null],
  ]
  for (const [client, id, platform] of clients) {
    it(`${client}: ${platform ?? 'none'}`, () => {
      assert.equal(platformHint(new Map(Object.entries(id))), platform)
    })
  }
})
