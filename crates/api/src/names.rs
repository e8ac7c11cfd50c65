//! Names and bytes that servers and clients must agree on beside the messages themselves.

/// The `domain` of every `google.rpc.ErrorInfo` that a node sends.
pub const ERROR_DOMAIN: &str = "rejoin";

/// The type of the detail that the status of a refused write carries beside its `ErrorInfo`.
pub const CONFLICT_REPORT_TYPE_URL: &str = "type.googleapis.com/rejoin.v1.ConflictReport";

/// The encoded `google.protobuf.FileDescriptorSet` of all services, with comments; served by reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rejoin_descriptor.bin"));

#[cfg(test)]
mod tests {
    use prost::{Message, Name};

    use super::*;

    #[test]
    fn the_conflict_report_has_the_type_that_clients_look_for() {
        assert_eq!(crate::proto::ConflictReport::type_url(), CONFLICT_REPORT_TYPE_URL);
    }

    #[test]
    fn the_descriptor_set_holds_every_service() {
        let set = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("it decodes");
        let mut services: Vec<&str> = set
            .file
            .iter()
            .flat_map(|file| &file.service)
            .map(|service| service.name())
            .collect();
        services.sort_unstable();
        assert_eq!(
            services,
            [
                "AdminService",
                "ConflictService",
                "DatabaseService",
                "DocumentService",
                "SyncService"
            ]
        );
    }
}
