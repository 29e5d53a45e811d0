"""Every fault by name."""
# Importing a file of faults registers them.
import faults_agent
import faults_disk
import faults_etcd
import faults_network
import faults_secrets
from faults import ALL
