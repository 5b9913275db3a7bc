import type { Test } from 'tap';
import { type Cluster, type ClusterOptions, startCluster } from './cluster.js';

/** Starts a cluster for one test and ends it with the test, whether that passes or not. */
export async function clusterFor(t: Test, options: ClusterOptions): Promise<Cluster> {
  const cluster = await startCluster(options);
  t.teardown(() => cluster.stop());
  return cluster;
}
