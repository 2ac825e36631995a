import { customFetch, type Configuration } from 'openid-client';

/** The same configuration, whose requests end when `signal` says so. */
export function abortable(configuration: Configuration, signal?: AbortSignal): Configuration {
  const fetch = configuration[customFetch];
  if (signal === undefined || fetch === undefined) return configuration;
  configuration[customFetch] = (url, options) => {
    const signals = options.signal ? [options.signal, signal] : [signal];
    return fetch(url, { ...options, signal: AbortSignal.any(signals) });
  };
  return configuration;
}
